import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";

import { BerthHost } from "../../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { importBusybox } from "../../helpers/lesson-images.js";

interface GraphDriver {
  Name: string;
  Data: { LowerDir: string; MergedDir: string; UpperDir: string; WorkDir: string };
}
interface Container {
  Id: string;
  Image: string;
  GraphDriver: GraphDriver;
}
interface Image {
  Id: string;
  GraphDriver: GraphDriver;
  RootFS: { Type: string; Layers: string[] };
}

describeWith(
  [asRoot, program("/bin/busybox")],
  "lesson: an image is a stack of layers, a container one more on top",
  () => {
    const host = new BerthHost();
    before(async () => {
      await importBusybox(host, "busybox");
    });
    after(async () => {
      assert.deepEqual(await host.dispose(), []);
    });

    /** A container that has run `script`, stopped and not removed. */
    function ranOnce(script: string, image = "busybox"): Container {
      const name = `lesson-${String(Math.random()).slice(2)}`;
      host.run("run", "--name", name, image, "sh", "-c", script);
      return host.inspect<Container>(name);
    }

    it("inspect of an image lists its read-only layers as DiffIDs", () => {
      const { RootFS } = host.inspect<Image>("busybox");
      assert.equal(RootFS.Type, "layers");
      assert.equal(RootFS.Layers.length, 1);
      for (const layer of RootFS.Layers) assert.match(layer, /^sha256:[0-9a-f]{64}$/);
    });

    it("commit of a container with a new file gives the same first layers and exactly one more", () => {
      const container = ranOnce("echo new > /added");
      host.run("commit", container.Id, "busybox:committed");
      const [base, committed] = [host.inspect<Image>("busybox"), host.inspect<Image>("busybox:committed")];
      assert.deepEqual(committed.RootFS.Layers.slice(0, -1), base.RootFS.Layers);
      assert.equal(host.run("run", "--rm", "busybox:committed", "cat", "/added"), "new");
      assert.equal(host.run("history", "-q", "busybox:committed").split("\n").length, 2);
    });

    it("inspect of a container shows the overlay's four directories, the -init layer first among the lower ones", () => {
      const id = host.run("run", "-d", "busybox", "sleep", "100");
      const { Name, Data } = host.inspect<Container>(id).GraphDriver;
      assert.equal(Name, "overlay2");
      const lower = Data.LowerDir.split(":");
      assert.ok(lower[0]?.endsWith(`${id}-init/diff`), lower[0]);
      assert.equal(lower.length, 2);
      for (const directory of [...lower, Data.MergedDir, Data.UpperDir, Data.WorkDir]) {
        assert.ok(directory.startsWith(join(host.root, "overlay2")), directory);
        assert.ok(statSync(directory).isDirectory());
      }
      assert.deepEqual(
        ["bin", "etc", "proc", "usr"].filter((name) => !existsSync(join(Data.MergedDir, name))),
        [],
      );
      host.run("exec", id, "sh", "-c", "echo now > /etc/changed");
      assert.equal(readFileSync(join(Data.MergedDir, "etc/changed"), "utf8"), "now\n");
      assert.equal(readFileSync(join(Data.UpperDir, "etc/changed"), "utf8"), "now\n");
      host.run("rm", "-f", id);
      assert.equal(existsSync(Data.UpperDir), false);
    });

    it("a file that was added is in the upper layer alone", () => {
      const { UpperDir, LowerDir } = ranOnce("echo x > /root/added").GraphDriver.Data;
      assert.equal(readFileSync(join(UpperDir, "root/added"), "utf8"), "x\n");
      assert.deepEqual(
        LowerDir.split(":").filter((lower) => existsSync(join(lower, "root/added"))),
        [],
      );
    });

    it("a file that was modified is copied up, and the lower layer's file is untouched", () => {
      const { UpperDir, LowerDir } = ranOnce("echo 'more:x:7:7::/:' >> /etc/passwd").GraphDriver.Data;
      const imageLayer = LowerDir.split(":").at(-1) ?? "";
      assert.match(readFileSync(join(UpperDir, "etc/passwd"), "utf8"), /^root:[^]*more:/);
      assert.doesNotMatch(readFileSync(join(imageLayer, "etc/passwd"), "utf8"), /more:/);
    });

    it("a file that was deleted is a whiteout in the upper layer, and still there in the image", () => {
      const { UpperDir, LowerDir } = ranOnce("rm /etc/group").GraphDriver.Data;
      const whiteout = lstatSync(join(UpperDir, "etc/group"));
      assert.ok(whiteout.isCharacterDevice());
      assert.equal(whiteout.rdev, 0);
      assert.ok(existsSync(join(LowerDir.split(":").at(-1) ?? "", "etc/group")));
      assert.equal(host.run("run", "--rm", "busybox", "ls", "/etc/group"), "/etc/group");
    });

    it("the topmost layer that has a file is the one that is read, and a deletion is committed as such", () => {
      const first = ranOnce("echo one > /stacked; echo keep > /kept");
      host.run("commit", first.Id, "stack:1");
      const second = ranOnce("echo two > /stacked; rm /kept", "stack:1");
      host.run("commit", second.Id, "stack:2");
      assert.equal(
        host.run("run", "--rm", "stack:2", "sh", "-c", "cat /stacked; ls /kept 2>/dev/null || echo gone"),
        "two\ngone",
      );
      assert.equal(host.run("run", "--rm", "stack:1", "cat", "/stacked", "/kept"), "one\nkeep");
    });

    it("the -init layer holds hosts, hostname and resolv.conf, and commit does not take it along", () => {
      const container = ranOnce("true");
      const init = container.GraphDriver.Data.LowerDir.split(":")[0] ?? "";
      for (const name of ["hosts", "hostname", "resolv.conf"]) assert.ok(existsSync(join(init, "etc", name)), name);
      host.run("commit", container.Id, "busybox:same");
      const layers = host.inspect<Image>("busybox:same").GraphDriver.Data.UpperDir;
      assert.deepEqual(
        readdirSync(layers).filter((name) => name !== "etc"),
        [],
      );
      assert.equal(existsSync(join(layers, "etc/hostname")), false);
    });

    it("layers are shared: a common base is stored once, and containers share all but their upper layer", () => {
      const layersBefore = readdirSync(join(host.root, "image/overlay2/layerdb/sha256")).length;
      const container = ranOnce("echo shared > /s");
      host.run("commit", container.Id, "share:1");
      assert.equal(readdirSync(join(host.root, "image/overlay2/layerdb/sha256")).length, layersBefore + 1);
      const [one, two] = [ranOnce("true").GraphDriver.Data, ranOnce("true").GraphDriver.Data];
      assert.deepEqual(one.LowerDir.split(":").slice(1), two.LowerDir.split(":").slice(1));
      assert.notEqual(one.UpperDir, two.UpperDir);
    });

    it("export of a container that was only created gives a whole root filesystem", () => {
      const rootfs = join(host.directory, "exported");
      mkdirSync(rootfs);
      const id = host.run("create", "busybox");
      host.run("export", "-o", join(host.directory, "exported.tar"), id);
      const untar = spawnSync("tar", ["-C", rootfs, "-xf", join(host.directory, "exported.tar")], { encoding: "utf8" });
      assert.equal(untar.status, 0, untar.stderr);
      for (const name of ["bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var"]) {
        assert.ok(existsSync(join(rootfs, name)), name);
      }
      assert.equal(statSync(join(rootfs, "tmp")).mode & 0o7777, 0o1777);
    });
  },
);
