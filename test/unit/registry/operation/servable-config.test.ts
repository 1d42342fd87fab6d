import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BerthError } from "../../../../oci/errors.js";
import { loadServableConfig } from "../../../../registry/config/load-config.js";

/** Well-formed, each line for itself. TEST/ is the test's directory, in which is an empty file `empty` and a directory `there`. */
const UNSERVABLE = `listen: 203.0.113.7:5000
storage:
  s3: { bucket: b, caFile: TEST/empty }
metrics: { listen: ":5000" }
auth:
  htpasswd: TEST/nobody
  access: [{ anonymous: true, actions: [pull] }]
tls:
  certificate: TEST/none.crt
  key: TEST/none.key
mirrors:
  spool: TEST/empty/spool
  upstreams:
    - { name: hub, url: "https://registry.example", username: a, passwordFile: TEST/empty }
    - { name: two, url: "https://two.example", caFile: TEST/none.pem }
webhooks:
  endpoints:
    - { name: a, url: "http://h/", secretFile: TEST/empty }
`;

const OF_THE_FILE = [
  "4: metrics.listen: is taken: 203.0.113.7:5000 is the registry's own",
  "5: auth.keys: with storage.s3 say where all replicas find the keys of tokens: a secret, or a directory that they share",
];

const OF_THE_HOST = [
  "1: listen: this host has no address 203.0.113.7 to listen on",
  "3: storage.s3.caFile: TEST/empty holds no certificate in PEM",
  "6: auth.htpasswd: ENOENT: no such file or directory, open 'TEST/nobody'",
  "9: tls.certificate: ENOENT: no such file or directory, open 'TEST/none.crt'",
  "10: tls.key: ENOENT: no such file or directory, open 'TEST/none.key'",
  "12: mirrors.spool: TEST/empty is no directory",
  "14: mirrors.upstreams.0.passwordFile: TEST/empty is empty: hub has no password",
  "15: mirrors.upstreams.1.caFile: ENOENT: no such file or directory, open 'TEST/none.pem'",
  "18: webhooks.endpoints.0.secretFile: the secret of webhook a cannot be read: TEST/empty holds less than 16 characters",
];

const lineOf = (problem: string): number => Number(problem.split(":")[0]);

describe("a configuration that cannot be served", () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-unservable-"));
    file = join(directory, "registry.yaml");
    writeFileSync(join(directory, "empty"), "");
    mkdirSync(join(directory, "there"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const problemsOf = async (
    text: string,
    options: { readonly syntaxOnly?: boolean } = {},
    env: Record<string, string> = {},
  ): Promise<string[]> => {
    writeFileSync(file, text.replaceAll("TEST/", `${directory}/`));
    try {
      await loadServableConfig({ file, env, flags: {} }, options);
      return [];
    } catch (error) {
      assert.ok(error instanceof BerthError && error.code === "CONFIG_INVALID", String(error));
      return (error.details["problems"] as string[]).map((problem) =>
        problem.replace(`${file}:`, "").replaceAll(`${directory}/`, "TEST/"),
      );
    }
  };

  it("is told of as a whole, with lines and paths: files, directories, addresses, and what settings forbid each other", async () => {
    const all = [...OF_THE_FILE, ...OF_THE_HOST].sort((a, b) => lineOf(a) - lineOf(b));
    assert.deepEqual(await problemsOf(UNSERVABLE), all);
    assert.deepEqual(await problemsOf(UNSERVABLE, { syntaxOnly: true }), OF_THE_FILE);
  });

  it("is told of together with settings that are not well-formed, as far as their sections are", async () => {
    assert.deepEqual(
      await problemsOf(
        "listen: 0.0.0.0:5000\nlogg: {}\nauth: { htpaswd: x }\ntls: { certificate: TEST/a, key: TEST/b }\n",
      ),
      [
        "2: logg: there is no such setting",
        "3: auth.htpaswd: there is no such setting",
        "4: tls.certificate: ENOENT: no such file or directory, open 'TEST/a'",
        "4: tls.key: ENOENT: no such file or directory, open 'TEST/b'",
      ],
    );
    assert.deepEqual(await problemsOf("listen: [\n"), [
      "2: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ]);
  });

  it("is told of by variable, and for an open listener", async () => {
    const env = {
      BERTH_REGISTRY_AUTH_HTPASSWD: join(directory, "nobody"),
      BERTH_REGISTRY_METRICS_LISTEN: "203.0.113.7:1",
    };
    assert.deepEqual(await problemsOf("", {}, env), [
      "BERTH_REGISTRY_METRICS_LISTEN: this host has no address 203.0.113.7 to listen on",
      "BERTH_REGISTRY_AUTH_HTPASSWD: ENOENT: no such file or directory, open 'TEST/nobody'",
    ]);
    const [open] = await problemsOf("listen: :5000\n", { syntaxOnly: true });
    assert.match(open ?? "", /^1: listen: :::5000 can be reached from other hosts, and there is no authentication/);
    assert.deepEqual(await problemsOf("listen: :5000\ninsecureNoAuth: true\n", { syntaxOnly: true }), []);
  });

  it("is told of where a certificate is none, and URLs are for something else", async () => {
    assert.deepEqual(await problemsOf("tls: { certificate: TEST/empty, key: TEST/empty }\n"), [
      "1: tls.certificate: TEST/empty: error:0480006C:PEM routines::no start line",
    ]);
    assert.deepEqual(
      await problemsOf(
        'http: { url: "ftp://h" }\ntracing: { endpoint: "file:///x" }\nstorage: { s3: { bucket: b, endpoint: "nowhere" } }\n' +
          'auth: { issuers: [{ name: ci, issuer: "https://h", jwks: "https://", audience: x }] }\n',
      ),
      [
        "1: http.url: is not http:// or https://",
        "2: tracing.endpoint: is not http:// or https://",
        "3: storage.s3.endpoint: is not a URL",
        "4: auth.issuers.0.jwks: is not a URL",
        "4: auth.issuers.0.jwks: is neither https nor on this host",
      ],
    );
  });

  it("is one that names directories which nobody could make, and not one that names those to come", async () => {
    const keys = (place: string): string => `root: TEST/there/store\nauth: { keys: { directory: ${place} } }\n`;
    assert.deepEqual(await problemsOf(keys("TEST/there/keys/a/b")), []);
    assert.deepEqual(await problemsOf(keys("TEST/empty")), ["2: auth.keys.directory: TEST/empty is no directory"]);
    assert.deepEqual(await problemsOf("storage: { filesystem: { root: TEST/empty/x } }\n"), [
      "1: storage.filesystem.root: TEST/empty is no directory",
    ]);
  });
});
