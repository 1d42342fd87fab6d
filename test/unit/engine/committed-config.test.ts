import assert from "node:assert/strict";

import type { ContainerConfig } from "../../../engine/container-config.js";
import { committedConfig } from "../../../engine/image/committed-config.js";

const CONTAINER: ContainerConfig = {
  Hostname: "abc",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: true,
  AttachStderr: true,
  Tty: true,
  OpenStdin: true,
  StdinOnce: false,
  Env: ["PATH=/bin", "A=1"],
  Cmd: ["sh"],
  Image: "busybox",
  WorkingDir: "",
  Entrypoint: null,
  Labels: {},
};

describe("the config of a committed image", () => {
  it("starts containers as the committed one was started", () => {
    const container: ContainerConfig = {
      ...CONTAINER,
      User: "daemon",
      Cmd: ["-v"],
      Entrypoint: ["/entry"],
      WorkingDir: "/srv",
      Labels: { a: "1" },
      StopSignal: "SIGINT",
    };
    const image = {
      User: "root",
      Cmd: ["old"],
      Entrypoint: ["/old"],
      WorkingDir: "/",
      Labels: { a: "0" },
      Env: ["B=2"],
    };
    assert.deepEqual(committedConfig(image, container), {
      User: "daemon",
      Env: ["PATH=/bin", "A=1"],
      Cmd: ["-v"],
      Entrypoint: ["/entry"],
      WorkingDir: "/srv",
      Labels: { a: "1" },
      StopSignal: "SIGINT",
    });
  });

  it("has no command where a new entrypoint has done away with the image's", () => {
    const config = committedConfig(
      { Cmd: ["old"], Entrypoint: ["/old"] },
      { ...CONTAINER, Cmd: null, Entrypoint: ["/new"] },
    );
    assert.deepEqual(config, { Env: CONTAINER.Env, Entrypoint: ["/new"] });
  });

  it("keeps what only the image can say, and nothing of the container's streams and names", () => {
    const kept = { ExposedPorts: { "80/tcp": {} }, Volumes: { "/data": {} }, Healthcheck: { Test: ["NONE"] } };
    assert.deepEqual(committedConfig(kept, CONTAINER), { ...kept, Env: CONTAINER.Env, Cmd: ["sh"] });
  });
});
