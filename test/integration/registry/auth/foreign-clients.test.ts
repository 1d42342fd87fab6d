import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as v from "valibot";

import { tlsSection } from "../../../../registry/config/tls-section.js";
import { runProgram } from "../../../helpers/child-process.js";
import { writeOciLayout } from "../../../helpers/oci-layout.js";
import { as, GuardedRegistry } from "./support/guarded-registry.js";
import { certificateDirectory, TestCertificates } from "./support/test-certificates.js";

const DENIED = /denied|not allowed|unauthorized|forbidden/i;

const PODMAN_OPTIONS = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];

describe("registry with foreign clients that log in", () => {
  let directory: string;
  let authority: TestCertificates;
  let image: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "berth-login-"));
    authority = await TestCertificates.create();
    mkdirSync(join(directory, "files"));
    writeFileSync(join(directory, "files/hello"), "hello\n");
    await writeOciLayout(join(directory, "image"), "v1", [{ directory: join(directory, "files"), createdBy: "test" }]);
    image = `oci:${directory}/image:v1`;
  });

  after(() => {
    authority.remove();
    rmSync(directory, { recursive: true });
  });

  it("lets skopeo over http do what each user may", async () => {
    const guarded = await GuardedRegistry.start();
    try {
      const { host } = new URL(guarded.registry.url);
      const file = (user: string): string => join(directory, `${user}.json`);
      const login = async (user: string, password = `${user}-password`): Promise<string> => {
        const account = ["--authfile", file(user), "-u", user, "-p", password];
        return await runProgram("skopeo", ["login", "--tls-verify=false", ...account, host]);
      };
      const push = async (user: string, name: string): Promise<string> => {
        const options = ["--dest-tls-verify=false", "--dest-authfile", file(user)];
        return await runProgram("skopeo", ["copy", ...options, image, `docker://${host}/${name}`]);
      };
      const inspect = async (user: string, name: string): Promise<string> => {
        const options = ["--tls-verify=false", "--authfile", file(user)];
        return await runProgram("skopeo", ["inspect", ...options, `docker://${host}/${name}`]);
      };
      await assert.rejects(login("alice", "wrong"), /invalid username\/password/);
      for (const user of ["alice", "bob", "carol"]) assert.match(await login(user), /Login Succeeded/);
      writeFileSync(file("nobody"), "{}");
      for (const name of ["team/app:v1", "secret/app:v1", "public/app:v1"]) await push("alice", name);
      await inspect("bob", "team/app:v1");
      await inspect("nobody", "public/app:v1");
      await push("carol", "users/carol/app:v1");
      // The blobs are in other repositories, which carol may not read: they are uploaded once more.
      await guarded.registry.expect(200, "GET", "/v2/users/carol/app/manifests/v1", as("carol"));
      for (const attempt of [
        async () => await inspect("bob", "secret/app:v1"),
        async () => await inspect("nobody", "team/app:v1"),
        async () => await push("bob", "team/app:v2"),
        async () => await push("nobody", "public/app:v2"),
        async () => await push("carol", "users/bob/app:v1"),
      ]) {
        await assert.rejects(attempt, DENIED);
      }
      const tls = ["--src-tls-verify=false", "--dest-tls-verify=false", "--authfile", file("alice")];
      await runProgram("skopeo", ["copy", ...tls, `docker://${host}/secret/app:v1`, `docker://${host}/team/copy:v1`]);
      await runProgram("skopeo", [
        "delete",
        "--tls-verify=false",
        "--authfile",
        file("alice"),
        `docker://${host}/team/copy:v1`,
      ]);
      await guarded.registry.expect(404, "GET", "/v2/team/copy/manifests/v1", as("bob"));
    } finally {
      await guarded.stop();
    }
  });

  it("lets podman over https do what each user may, by password or certificate", async () => {
    const tls = v.parse(tlsSection, { ...(await authority.issue("server", "localhost")), clientCa: authority.ca });
    const access = [
      { users: ["alice"], actions: ["pull", "push"] },
      { users: ["bob", "cert:runner"], repositories: ["team/**"], actions: ["pull"] },
    ];
    const guarded = await GuardedRegistry.start({ access }, { tls });
    const state = join(directory, "podman");
    const places = ["--root", join(state, "storage"), "--runroot", join(state, "run"), "--tmpdir", join(state, "tmp")];
    const podman = async (verb: string, ...args: string[]): Promise<string> =>
      await runProgram("podman", [...places, ...PODMAN_OPTIONS, verb, ...args], { cwd: directory });
    try {
      const { port } = new URL(guarded.registry.url);
      const host = `localhost:${port}`;
      const trusting = ["--cert-dir", certificateDirectory(join(directory, "trust"), authority.ca)];
      const runner = await authority.issue("runner", "runner");
      const certified = ["--cert-dir", certificateDirectory(join(directory, "runner"), authority.ca, runner)];
      const file = join(directory, "podman.json");
      const login = async (user: string): Promise<string> =>
        await podman("login", ...trusting, "--authfile", file, "-u", user, "-p", `${user}-password`, host);
      const pulled = (await podman("pull", "-q", "oci:image:v1")).trim();
      await assert.rejects(
        podman("login", "--authfile", file, "-u", "alice", "-p", "alice-password", host),
        /certificate/,
      );
      assert.match(await login("alice"), /Login Succeeded/);
      await podman("push", "-q", ...trusting, "--authfile", file, pulled, `${host}/team/app:v1`);
      await login("bob");
      await assert.rejects(
        podman("push", "-q", ...trusting, "--authfile", file, pulled, `${host}/team/app:v2`),
        DENIED,
      );
      await podman("rmi", "-f", pulled);
      assert.equal((await podman("pull", "-q", ...trusting, "--authfile", file, `${host}/team/app:v1`)).trim(), pulled);
      await podman("rmi", "-f", pulled);
      const none = join(directory, "none.json");
      writeFileSync(none, "{}");
      await assert.rejects(podman("pull", "-q", ...trusting, "--authfile", none, `${host}/team/app:v1`), DENIED);
      await podman("pull", "-q", ...certified, "--authfile", none, `${host}/team/app:v1`);
    } finally {
      await podman("rmi", "-a", "-f").catch(() => undefined);
      await guarded.stop();
    }
  });
});
