import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { parseManifest } from "../../../oci/manifest.js";
import { openLocalStore } from "../../../puller/index.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { EngineHost } from "../../helpers/engine-host.js";
import { waitUntil } from "../../helpers/wait-until.js";

interface Image {
  Id: string;
  Author: string;
  Config: { Cmd: string[] | null; Env: string[]; Labels: Record<string, string>; User: string; WorkingDir: string };
  RootFS: { Layers: string[] };
}
interface Container {
  State: { Status: string };
}

describeWith([asRoot, program("/bin/busybox")], "commit", () => {
  let host: EngineHost;
  before(async () => {
    host = await EngineHost.withBusybox();
  });
  afterEach(() => {
    const all = host.run("ps", "-aq", "--no-trunc").split("\n").filter(Boolean);
    if (all.length > 0) host.run("rm", "-f", ...all);
    assert.deepEqual(host.leftovers(), []);
    assert.deepEqual(readdirSync(join(host.root, "staging")), []);
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  const layersOf = (name: string) => host.inspect<Image>(name).RootFS.Layers;
  const statusOf = (name: string) => host.inspect<Container>(name).State.Status;
  /** A stopped container named `name` that has run `script`. */
  const ran = (name: string, script: string, ...options: readonly string[]) =>
    host.run("run", "--name", name, ...options, "busybox", "sh", "-c", script);

  it("prints the ID of an image with the same first layers and exactly one more", () => {
    ran("added", "echo new > /added");
    const id = host.run("commit", "added");
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(layersOf(id).slice(0, -1), layersOf("busybox"));
    assert.equal(host.run("run", "--rm", id, "cat", "/added"), "new");
    host.run("rmi", id);
  });

  it("adds a layer also for a container that changed nothing, and then one more", () => {
    ran("idle", "true");
    host.run("commit", "idle", "idle:1");
    host.run("run", "--name", "idler", "idle:1", "true");
    host.run("commit", "idler", "idle:2");
    assert.equal(layersOf("idle:2").length, layersOf("busybox").length + 2);
    assert.deepEqual(layersOf("idle:2").slice(0, -1), layersOf("idle:1"));
  });

  it("lets a push send the lower layers as they came", () => {
    ran("pushed", "echo x > /x");
    host.run("commit", "pushed", "pushed:1");
    const { images, content } = openLocalStore(host.root);
    const layers = (name: string) => {
      const { manifest } = images.find(name);
      const parsed = manifest && parseManifest(content.read(manifest));
      assert.equal(parsed?.kind, "manifest");
      return parsed?.kind === "manifest" ? parsed.layers : [];
    };
    assert.deepEqual(layers("pushed:1").slice(0, -1), layers("busybox"));
    for (const { digest, size } of layers("pushed:1")) assert.equal(content.size(digest), size);
  });

  it("takes deletions along, and a directory made anew hides the old one", () => {
    ran("deleted", "rm /etc/group; rm -r /usr; mkdir /usr; echo > /usr/new; chmod 700 /home");
    host.run("commit", "deleted", "deleted:1");
    const script = "ls /usr; ls /etc/group 2>/dev/null || echo gone; stat -c %a /home /tmp";
    assert.equal(host.run("run", "--rm", "deleted:1", "sh", "-c", script), "new\ngone\n700\n1777");
  });

  it("takes nothing of what was mounted into the container", () => {
    const source = join(host.directory, "mounted");
    mkdirSync(source, { recursive: true });
    writeFileSync(join(source, "secret"), "secret");
    ran(
      "mounts",
      "echo > /proc/self/comm; echo > /dev/shm/a; echo > /mnt/b; echo > /scratch/c",
      "-v",
      `${source}:/mnt`,
      "--tmpfs",
      "/scratch",
    );
    host.run("commit", "mounts", "mounts:1");
    const { layers, images, overlay } = openLocalStore(host.root);
    const diff = overlay.paths(layers.stack(images.find("mounts:1")).at(-1)?.cacheId ?? "").diff;
    assert.deepEqual(
      readdirSync(diff, { recursive: true }).filter((name) => !["mnt", "scratch"].includes(String(name))),
      [],
    );
  });

  it("keeps what the container was started with, and applies --change on top", () => {
    ran("configured", "true", "-e", "A=1", "-e", "B=2", "-w", "/tmp", "-u", "daemon", "-l", "from=container");
    const changes = ['CMD ["sh", "-c", "echo $A $B; pwd; id -un"]', "ENV B=3", "LABEL by=change"];
    host.run(
      "commit",
      ...changes.flatMap((change) => ["-c", change]),
      "-a",
      "Ada",
      "-m",
      "first",
      "configured",
      "conf:1",
    );
    assert.equal(host.run("run", "--rm", "conf:1"), "1 3\n/tmp\ndaemon");
    const { Config, Author } = host.inspect<Image>("conf:1");
    assert.equal(Author, "Ada");
    assert.deepEqual(Config.Labels, { from: "container", by: "change" });
    const [newest] = host.run("history", "--no-trunc", "--format", "json", "conf:1").split("\n");
    const { CreatedBy, Comment } = JSON.parse(newest ?? "") as { CreatedBy: string; Comment: string };
    assert.deepEqual([CreatedBy, Comment], ["sh -c true", "first"]);
  });

  it("holds a running container still meanwhile, and it goes on afterwards", async () => {
    // Between the first and the last file, in the order of packing, lies one that takes a while.
    const count = "i=0; while :; do i=$((i+1)); echo $i >> /a; echo $i >> /z; done";
    host.detached(
      "--name",
      "counter",
      "busybox",
      "sh",
      "-c",
      `dd if=/dev/urandom of=/m bs=1M count=24 2>/dev/null; ${count}`,
    );
    await waitUntil("the counter counts", () => host.try(["exec", "counter", "test", "-s", "/z"]).status === 0);
    host.run("commit", "counter", "counter:1");
    assert.equal(statusOf("counter"), "running");
    const [first, last] = host
      .run("run", "--rm", "counter:1", "sh", "-c", "tail -n1 /a; tail -n1 /z")
      .split("\n")
      .map(Number);
    assert.ok(
      first !== undefined && last !== undefined && first - last <= 1 && first >= last,
      `${String(first)} ${String(last)}`,
    );
    await waitUntil("it counts on", () => Number(host.run("exec", "counter", "tail", "-n1", "/z")) > last);
  });

  it("leaves a paused container paused, and lets one go on with --pause=false", () => {
    host.detached("--name", "held", "busybox", "sleep", "100");
    host.run("pause", "held");
    host.run("commit", "held");
    assert.equal(statusOf("held"), "paused");
    host.run("unpause", "held");
    for (const flag of ["--pause=false", "--no-pause", "-p"]) host.run("commit", flag, "held", "held:1");
    assert.equal(statusOf("held"), "running");
  });

  it("works on the container of an image that has lost its name", () => {
    host.run("tag", "busybox", "nameless");
    host.run("commit", host.run("create", "busybox"), "lost:1");
    host.run("run", "--name", "orphan", "lost:1", "sh", "-c", "echo > /more");
    host.run("rmi", "-f", "lost:1");
    host.run("commit", "orphan", "found:1");
    assert.equal(host.run("run", "--rm", "found:1", "ls", "/more"), "/more");
  });

  it("two at once give two images", async () => {
    ran("twice", "echo twice > /twice");
    const ends = ["one", "two"].map((tag) => {
      const child = host.start("commit", "twice", `twice:${tag}`);
      return new Promise((resolve) => child.once("exit", resolve));
    });
    assert.deepEqual(await Promise.all(ends), [0, 0]);
    for (const tag of ["one", "two"]) {
      assert.equal(host.run("run", "--rm", `twice:${tag}`, "cat", "/twice"), "twice");
    }
  });

  it("Ctrl-C is obeyed at once, and leaves no image and a container that runs", async () => {
    // A hole that takes longer to pack than anybody takes to interrupt it, and no room on the disk.
    host.detached("--name", "large", "busybox", "sh", "-c", "truncate -s 1T /m; exec sleep 1000");
    await waitUntil("sleep runs", () => host.try(["exec", "large", "pidof", "sleep"]).status === 0);
    const images = host.run("images", "-aq");
    const child = host.start("commit", "large", "large:1");
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await waitUntil("the commit packs", () => readdirSync(join(host.root, "staging")).length > 0);
    child.kill("SIGINT");
    assert.equal(await ended, 1);
    assert.equal(statusOf("large"), "running");
    assert.equal(host.run("images", "-aq"), images);
  });

  it("after a failure the container runs on, and no layer or image is left", () => {
    host.detached("--name", "unlucky", "busybox", "sh", "-c", "echo > /file; sleep 100");
    const records = () => [host.run("images", "-aq"), ...readdirSync(join(host.root, "overlay2")).sort()];
    const before = records();
    const failing: [readonly string[], RegExp][] = [
      [["-c", "RUN rm -rf /", "unlucky"], /^berth: cannot apply .*\n$/],
      [["unlucky", `x@sha256:${"0".repeat(64)}`], /^berth: the digest of a new image cannot be chosen.*\n$/],
      [["unlucky", "UPPER"], /^berth: .*\n$/],
      [["nobody"], /^berth: no such container: nobody\n$/],
    ];
    for (const [args, message] of failing) {
      const { status, stderr, stdout } = host.try(["commit", ...args]);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, message);
    }
    // A name that no layer can hold shows up only while packing, when the container stands still.
    host.run("exec", "unlucky", "touch", "/.wh.trap");
    assert.match(host.try(["commit", "unlucky"]).stderr, /^berth: failed to commit .*\.wh\..*\n$/);
    assert.equal(statusOf("unlucky"), "running");
    assert.equal(host.run("exec", "unlucky", "echo", "alive"), "alive");
    assert.deepEqual(records(), before);
    assert.equal(existsSync(join(host.root, "overlay2")), true);
  });
});
