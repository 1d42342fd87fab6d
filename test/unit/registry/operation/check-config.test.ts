import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BerthError } from "../../../../oci/errors.js";
import { loadConfig } from "../../../../registry/config/load-config.js";

const MISTAKES = `listen: nowhere
logg: {}
policies:
  - repositories: ["team/**"]
    immutableTags: []
    quota: { byte: 10 }
  - repositories: ["a b"]
    retention: { keepTags: ["v*"] }
  - { repositories: ["a"], quota: { bytes: 10 apples } }
webhooks:
  endpoints:
    - name: Bad Name
      url: ftp://x
      headers: { "X-Y": "a\\r\\nb", Host: x, "a b": c }
      secret: short
    - { name: a, url: "http://u:p@h/" }
    - { name: b, url: "http://h/", secret: 0123456789abcdef, secretFile: /x }
limits:
  rate:
    perAddress: { requestsPerSecond: -1 }
tracing:
  samplePercent: 101
metrics: { listen: 9464 }
health: [1]
`;

/** What is said of each line of MISTAKES. */
const PROBLEMS = [
  "1: listen: is not host:port",
  "2: logg: there is no such setting",
  "5: policies.0.immutableTags: is empty",
  "6: policies.0.quota.byte: there is no such setting",
  "7: policies.1.repositories.0: holds what no name can: letters, digits, . _ - / * and ? are for patterns",
  "8: policies.1.retention: says of nothing when it goes: keepLast, olderThanDays or untaggedOlderThanDays is needed",
  "9: policies.2.quota.bytes: is no number of bytes, such as 10GiB",
  "12: webhooks.endpoints.0.name: is not lower-case letters, digits and -",
  "13: webhooks.endpoints.0.url: is not http:// or https:// without a user name (use headers)",
  "14: webhooks.endpoints.0.headers.X-Y: holds what a header cannot",
  "14: webhooks.endpoints.0.headers.Host: is not a header that can be set",
  "14: webhooks.endpoints.0.headers.a b: is not a header that can be set",
  "15: webhooks.endpoints.0.secret: is shorter than 16 characters",
  "16: webhooks.endpoints.1.url: is not http:// or https:// without a user name (use headers)",
  "17: webhooks.endpoints.2: has both secret and secretFile",
  "20: limits.rate.perAddress.requestsPerSecond: is below 0.001",
  "22: tracing.samplePercent: is above 100",
  "23: metrics.listen: is not text",
  "24: health.0: there is no such setting",
];

describe("a wrong configuration", () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-wrong-"));
    file = join(directory, "registry.yaml");
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const problemsOf = (text: string, env: Record<string, string> = {}): string[] => {
    writeFileSync(file, text);
    try {
      loadConfig({ file, env, flags: {} });
    } catch (error) {
      assert.ok(error instanceof BerthError && error.code === "CONFIG_INVALID");
      return (error.details["problems"] as string[]).map((problem) => problem.replace(`${file}:`, ""));
    }
    return [];
  };

  it("is told of as a whole: every mistake with its line and path, in the order of the file", () => {
    assert.deepEqual(problemsOf(MISTAKES), PROBLEMS);
  });

  it("is told of by variable where it came from the environment", () => {
    const env = {
      BERTH_REGISTRY_POLICIES: '[{ repositories: ["a"], quota: {} }]',
      BERTH_REGISTRY_LIMITS_RATE_PER_USER_REQUESTS_PER_SECOND: "many",
    };
    assert.deepEqual(problemsOf("", env), [
      "BERTH_REGISTRY_LIMITS_RATE_PER_USER_REQUESTS_PER_SECOND: is not a number",
      "BERTH_REGISTRY_POLICIES: 0.quota: limits nothing: bytes or tags is needed",
    ]);
    assert.deepEqual(
      problemsOf("", { BERTH_REGISTRY_POLICIES: '[{ repositories: ["a"], immutableTags: ["v*"] }]' }),
      [],
    );
  });

  it("is told of by line where it is no YAML, has a key twice, or unfolds without end", () => {
    assert.match(problemsOf("a: [\nb: c: d\n").join("\n"), /^2: /);
    assert.match(
      problemsOf("listen: 127.0.0.1:1\nroot: x\nlisten: 127.0.0.1:2\n")[0] ?? "",
      /^3: Map keys must be unique/,
    );
    const bomb = [
      "a: &a [x]",
      ..."bcdefgh".split("").map((name, i) => {
        const before = "abcdefgh"[i] ?? "";
        return `${name}: &${name} [${Array<string>(9).fill(`*${before}`).join(", ")}]`;
      }),
    ].join("\n");
    assert.match(problemsOf(bomb).join("\n"), /alias/i);
  });
});
