import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { createBucket, removeBucket } from "../../helpers/s3-server/s3-inspection.js";
import { S3_SERVER, s3Server } from "../../helpers/s3-server/shared-s3-server.js";
import { imageOfTars, tarOf, writeLayout } from "../../helpers/small-image.js";
import { FreshMachine, ON_MACHINE } from "../../helpers/fresh-machine.js";
import { blocksOf } from "./guide.js";
import type { LoadReport } from "./load.js";
import { bridge } from "./port-bridge.js";
import { Replica } from "./replica.js";

const PROGRAMS = [
  "/usr/sbin/nginx",
  "/usr/bin/skopeo",
  "/usr/bin/podman",
  "/usr/bin/openssl",
  "/usr/bin/curl",
  "/usr/bin/systemd-analyze",
];
const LARGE = 30_000_000;
const HERE = `${ON_MACHINE.project}/dist/test/e2e/self-hosting`;
/** skopeo refuses to log in where `berth login` (or docker) has left an identity token. */
const ELSEWHERE = "export HOME=/tmp/home";
const PODMAN = "podman --root /tmp/pod/storage --runroot /tmp/pod/run --tmpdir /tmp/pod/tmp --storage-driver vfs";

describeWith([asRoot, ...PROGRAMS.map(program), ...S3_SERVER], "docs/self-hosting.md", function () {
  this.timeout(1200_000);
  let machine: FreshMachine;
  let store: Server;
  let removeStore: () => Promise<void>;
  const replicas = [5001, 5002].map((port) => new Replica(port, () => machine));

  before(async () => {
    const server = await s3Server();
    const bucket = `self-hosting-${randomUUID()}`;
    await createBucket(server, bucket);
    removeStore = async () => {
      await removeBucket(server, bucket);
    };
    machine = await FreshMachine.start();
    // In place of the guide's MinIO, at the same address.
    store = await bridge(`${machine.shared}/store`, new URL(server.endpoint).host);
    const far = machine.start(`node ${HERE}/port-bridge.js 127.0.0.1:9000 ${ON_MACHINE.shared}/store`);
    await once(far.stdout, "data");
    await machine.run(`printf %s '${server.secretAccessKey}' > /root/berth-s3-secret`);
    for (const { language, about, text: script, section } of blocksOf("self-hosting.md")) {
      if (language !== "sh" || about === "example" || about === "internet") continue;
      if (about === "systemd") {
        await instead(section);
        continue;
      }
      assert.equal(about, "", `the guide has a kind of block that this test does not know: ${about}`);
      await machine.run(script).catch((error: unknown) => {
        throw new Error(`"${section}" does not work as it is written`, { cause: error });
      });
      // Where the test's store differs from the guide's; the last line of a variable counts.
      if (script.includes("> /etc/berth/registry.env")) {
        const own = { BUCKET: bucket, ACCESS_KEY_ID: server.accessKeyId, REGION: server.region };
        const lines = Object.entries(own).map(([name, value]) => `BERTH_REGISTRY_STORAGE_S3_${name}=${value}\n`);
        await machine.run(`printf %s '${lines.join("")}' >> /etc/berth/registry.env`);
      }
    }
  });

  after(async () => {
    const left = await machine.stop();
    store.close();
    await removeStore();
    assert.deepEqual(left, []);
  });

  /** What systemd does where the guide asks for it, done as the unit says. */
  async function instead(section: string): Promise<void> {
    if (section.includes("Two replicas")) for (const replica of replicas) await replica.start();
    else if (section.includes("proxy")) await machine.run("nginx");
    else if (section.includes("Running it")) for (const replica of replicas) await replica.restart();
    else assert.match(section, /mirror/);
  }

  /** What both replicas do for the load that `during` goes on under. */
  async function underLoad(during: () => Promise<void>): Promise<LoadReport> {
    const certificates = "export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt";
    const account = `"admin:$(cat /root/admin.password)"`;
    const load = machine.start(`${certificates}; exec node ${HERE}/load.js https://registry.example.com ${account}`);
    const report = text(load.stdout);
    await once(load.stderr, "data");
    try {
      await during();
    } finally {
      load.stdin.end();
    }
    return JSON.parse(await report) as LoadReport;
  }

  it("gives what it promises to each user, by skopeo and podman, through the proxy", async () => {
    const image = "docker://registry.example.com/team/hello";
    await machine.run(`
      ${ELSEWHERE}
      for user in alice bob; do
        skopeo login --authfile /root/$user.json -u $user --password-stdin registry.example.com < /root/$user.password
      done
      skopeo copy --authfile /root/alice.json ${image}:v1 ${image}:latest
      skopeo copy --authfile /root/bob.json ${image}:latest dir:/root/copy
      ${PODMAN} pull -q --authfile /root/bob.json registry.example.com/team/hello:v1`);
    for (const attempt of [
      `skopeo copy --authfile /root/bob.json dir:/root/copy ${image}:bobs`,
      `skopeo copy --authfile /root/alice.json dir:/root/copy docker://registry.example.com/other/hello:v1`,
      `skopeo inspect --authfile /root/none.json ${image}:v1`,
      `skopeo login --authfile /root/none.json -u bob -p wrong registry.example.com`,
    ]) {
      await assert.rejects(
        machine.run(`${ELSEWHERE}; echo '{}' > /root/none.json; ${attempt}`),
        /: [^:]*(denied|unauthorized|not allowed|403 \(Forbidden\)|invalid username\/password)/,
      );
    }
  });

  it("sends clients to the bucket for layers, by the name that they can reach", async () => {
    const head = await machine.run(`
      token=$(curl -fsS -u "bob:$(cat /root/bob.password)" \
        "https://registry.example.com/token?service=registry.example.com&scope=repository:team/hello:pull" |
        sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
      as="Authorization: Bearer $token"
      digest=$(curl -fsS -H "$as" https://registry.example.com/v2/team/hello/manifests/v1 |
        grep -o 'sha256:[0-9a-f]*' | tail -1)
      curl -sS -o /dev/null -D - -H "$as" https://registry.example.com/v2/team/hello/blobs/$digest | tr -d '\\r'
      location=$(curl -sS -o /dev/null -w '%{redirect_url}' -H "$as" https://registry.example.com/v2/team/hello/blobs/$digest)
      echo "digest $digest is sha256:$(curl -fsS "$location" | sha256sum | cut -d ' ' -f 1)"
      echo "written to: $(curl -sS -o /dev/null -w '%{http_code}' -X PUT -d x "$location")"`);
    assert.match(head, /^HTTP\/\S+ 307/);
    assert.match(head, /^location: https:\/\/store\.example\.com\//im);
    assert.match(head, /^digest (\S+) is \1$/m);
    assert.match(head, /^written to: 403$/m);
  });

  it("restarts one replica and loses the other to kill -9 without a failure that a retry does not cover", async () => {
    const [first, second] = replicas;
    assert.ok(first && second);
    const { pushed, pulled, failures } = await underLoad(async () => {
      await first.restart();
      await second.kill();
      await second.start();
    });
    assert.deepEqual(failures, []);
    assert.ok(pushed > 0 && pulled === pushed, `${String(pushed)} pushed, ${String(pulled)} pulled`);
  });

  it("takes a push whose replicas are killed in the middle of it", async () => {
    const image = imageOfTars([await tarOf([{ name: "bytes", content: randomBytes(LARGE) }])]);
    writeLayout(image, join(machine.shared, "large"), "v1");
    const to = "docker://registry.example.com/team/large:v1";
    // skopeo's own --retry-times is not for a proxy's 502.
    const push = machine.start(`
      ${ELSEWHERE}
      for attempt in $(seq 100); do
        skopeo copy --authfile /root/alice.json oci:${ON_MACHINE.shared}/large:v1 ${to} 2>&1 && exit 0
        sleep 0.3
      done
      exit 1`);
    const ended = once(push, "exit");
    const said = text(push.stdout);
    await once(push.stdout, "data");
    for (const replica of replicas) {
      await replica.kill();
      await replica.start();
    }
    const [status] = (await ended) as unknown[];
    assert.equal(status, 0, await said);
    const digest = await machine.run(`
      ${ELSEWHERE}
      skopeo copy --authfile /root/bob.json ${to} dir:/tmp/large >/dev/null
      skopeo manifest-digest /tmp/large/manifest.json`);
    assert.equal(digest.trim(), image.manifest);
  });

  it("installs a unit about which systemd has nothing to say", async () => {
    for (const port of [5001, 5003]) {
      assert.equal(await machine.run(`systemd-analyze verify berth-registry@${String(port)}.service 2>&1`), "");
    }
  });

  it("leaves a bucket in which nothing is damaged", async () => {
    const output = await machine.run(`
      set -a && . /etc/berth/registry.env && set +a
      berth registry scrub --config /etc/berth/registry.yaml 2>&1`);
    assert.match(output, / 0 findings/);
  });
});
