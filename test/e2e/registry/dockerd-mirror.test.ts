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
const ANSWERS = "curl -fsS -o /dev/null --retry 100 --retry-delay 0 --retry-max-time 30 --retry-all-errors";

/** dockerd in namespaces of its own, whose only way to Docker Hub is a mirror: there is no network beside it. */
describeWith([asRoot, ...PROGRAMS], "dockerd with berth as its registry-mirror", function () {
  this.timeout(120_000);
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
    writeFileSync(join(machine.shared, "mirror.json"), JSON.stringify({ mirrors: { upstreams: [hub] } }));
    writeFileSync(join(machine.shared, "daemon.json"), JSON.stringify({ "registry-mirrors": [`http://${MIRROR}`] }));
    machine.start(`echo $$ > /run/upstream; ${SERVE} --listen ${UPSTREAM} --root /tmp/upstream`);
    machine.start(`${SERVE} --listen ${MIRROR} --root /tmp/mirror --config ${ON_MACHINE.shared}/mirror.json`);
    const places =
      "--data-root /tmp/docker --exec-root /run/docker --pidfile /run/docker.pid -H unix:///run/docker.sock";
    const options = `--config-file ${ON_MACHINE.shared}/daemon.json --iptables=false --ip6tables=false --bridge=none`;
    machine.start(`exec ${DOCKERD} ${options} ${places} >/tmp/dockerd.log 2>&1`);
    await machine.run(`
      for host in ${UPSTREAM} ${MIRROR}; do ${ANSWERS} http://$host/v2/; done
      skopeo copy --dest-tls-verify=false oci:${ON_MACHINE.shared}/image:v1 docker://${UPSTREAM}/library/hello:v1
      ${ANSWERS} --unix-socket /run/docker.sock http://docker/_ping || { tail /tmp/dockerd.log >&2; exit 1; }`);
  });

  after(async () => {
    assert.deepEqual(await machine.stop(), []);
  });

  async function pull(): Promise<void> {
    const id = await machine.run(`
      docker pull -q hello:v1 >/dev/null
      docker image inspect -f '{{.Id}}' hello:v1
      docker rmi hello:v1 >/dev/null`);
    assert.equal(id.trim(), image.config);
  }

  it("pulls an image of Docker Hub through it, and again when the upstream is stopped", async () => {
    await pull();
    await machine.run(`kill $(cat /run/upstream) && ! ${ANSWERS} --retry 0 http://${UPSTREAM}/v2/ 2>/dev/null`);
    await pull();
  });
});
