import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { FreshMachine, ON_MACHINE } from "../../helpers/fresh-machine.js";
import { smallImage, writeLayout, type SmallImage } from "../../helpers/small-image.js";

/** Debian's, or Docker's own package. */
const DOCKERD = ["/usr/sbin/dockerd", "/usr/bin/dockerd"].find((path) => existsSync(path)) ?? "/usr/sbin/dockerd";
const PROGRAMS = [DOCKERD, "/usr/bin/docker", "/usr/bin/skopeo", "/usr/bin/curl"].map(program);
const UPSTREAM = "127.0.0.1:5001";
const MIRROR = "127.0.0.1:5002";
const SERVE = `exec node ${ON_MACHINE.project}/dist/bin/berth.js registry serve --log-level error`;
const GET = "curl -fsS -o /dev/null";

const DOCKER_REGISTRY = {
  version: "0.1",
  log: { level: "error" },
  storage: { filesystem: { rootdirectory: "/tmp/upstream" } },
  http: { addr: UPSTREAM },
};
const UPSTREAMS = [
  { kind: "berth", programs: [], serve: `${SERVE} --listen ${UPSTREAM} --root /tmp/upstream` },
  {
    kind: "docker-registry",
    programs: [program("/usr/bin/docker-registry")],
    serve: `exec docker-registry serve ${ON_MACHINE.shared}/upstream.yml >/tmp/upstream.log 2>&1`,
  },
];

/** dockerd in namespaces of its own, whose only way to Docker Hub is a mirror: there is no network beside it. */
for (const { kind, programs, serve } of UPSTREAMS) {
  describeWith(
    [asRoot, ...PROGRAMS, ...programs],
    `dockerd with berth as its registry-mirror of a ${kind}`,
    function () {
      this.timeout(900_000);
      let machine: FreshMachine;
      let image: SmallImage;

      before(async () => {
        machine = await FreshMachine.start();
        image = await smallImage([[{ name: "one", content: "one" }], [{ name: "two", content: "two" }]]);
        writeLayout(image, join(machine.shared, "image"), "v1");
        const hub = {
          name: "hub",
          url: `http://${UPSTREAM}`,
          namespaces: ["docker.io"],
          default: true,
          tagFreshSeconds: 0,
        };
        const files = {
          "mirror.json": { mirrors: { upstreams: [hub] } },
          "daemon.json": { "registry-mirrors": [`http://${MIRROR}`] },
          "upstream.yml": DOCKER_REGISTRY,
        };
        for (const [name, content] of Object.entries(files)) {
          writeFileSync(join(machine.shared, name), JSON.stringify(content));
        }
        machine.start(`echo $$ > /run/upstream; ${serve}`);
        machine.start(`${SERVE} --listen ${MIRROR} --root /tmp/mirror --config ${ON_MACHINE.shared}/mirror.json`);
        const places =
          "--data-root /tmp/docker --exec-root /run/docker --pidfile /run/docker.pid -H unix:///run/docker.sock";
        const options = `--config-file ${ON_MACHINE.shared}/daemon.json --iptables=false --ip6tables=false --bridge=none`;
        machine.start(`${DOCKERD} ${options} ${places} >/tmp/dockerd.log 2>&1 || true; touch /run/dockerd-ended`);
        await machine.run(`
      for host in ${UPSTREAM} ${MIRROR}; do until ${GET} http://$host/v2/ 2>/dev/null; do sleep 0.1; done; done
      skopeo copy --dest-tls-verify=false oci:${ON_MACHINE.shared}/image:v1 docker://${UPSTREAM}/library/hello:v1
      until ${GET} --unix-socket /run/docker.sock http://docker/_ping 2>/dev/null; do
        test ! -e /run/dockerd-ended || { tail /tmp/dockerd.log >&2; exit 1; }
        sleep 0.1
      done`);
      });

      after(async () => {
        assert.deepEqual(await machine.stop(), []);
      });

      async function pull(): Promise<void> {
        const id = await machine.run(`
      docker pull -q hello:v1 >/dev/null
      docker image inspect -f '{{.Id}}' hello:v1
      docker rmi hello:v1 >/dev/null
      test -z "$(docker image ls -aq)"`);
        assert.equal(id.trim(), image.config);
      }

      it("pulls an image of Docker Hub through it, and again when the upstream is stopped", async () => {
        await pull();
        await machine.run(`
      upstream=$(cat /run/upstream)
      kill $upstream
      while kill -0 $upstream 2>/dev/null; do sleep 0.1; done
      ! ${GET} http://${UPSTREAM}/v2/ 2>/dev/null`);
        await pull();
      });
    },
  );
}
