import assert from "node:assert/strict";

import fc from "fast-check";

import { NativeError, shimRequest, ShimMessageDecoder } from "../../../../runtime-native/index.js";
import { processPlan } from "../../../helpers/shim-container.js";

const frame = (type: number, payload: Buffer): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
};
const text = (value: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(value), 0);
  return Buffer.concat([length, Buffer.from(value)]);
};

describe("the shim's protocol", () => {
  it("requests are a type byte, a big-endian length and the payload", () => {
    assert.deepEqual([...shimRequest.attach({ stdin: true, stdout: false, stderr: true })], [1, 0, 0, 0, 1, 5]);
    assert.deepEqual([...shimRequest.closeStdin()], [3, 0, 0, 0, 0]);
    assert.deepEqual([...shimRequest.resize({ rows: 24, columns: 300 })], [4, 0, 0, 0, 4, 0, 24, 1, 44]);
    assert.deepEqual([...shimRequest.kill(15)], [6, 0, 0, 0, 4, 0, 0, 0, 15]);
    assert.deepEqual([...shimRequest.wait()], [7, 0, 0, 0, 0]);
  });

  it("large input is cut into frames that the shim takes", () => {
    const data = Buffer.alloc(150_000, 7);
    const bytes = shimRequest.stdin(data);
    const seen: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = bytes.readUInt32BE(at + 1);
      assert.ok(length <= 65536);
      seen.push(bytes.subarray(at + 5, at + 5 + length));
      at += 5 + length;
    }
    assert.deepEqual(Buffer.concat(seen), data);
    assert.equal(shimRequest.stdin(new Uint8Array()).length, 0);
  });

  it("a process plan with a NUL byte is refused", () => {
    assert.throws(() => shimRequest.exec(processPlan(["a\0b"]), { detach: false, openStdin: false }), {
      code: "INVALID_PLAN",
    });
  });

  it("answers are read whatever the pieces they come in", () => {
    const bytes = Buffer.concat([
      frame(128, Buffer.from([0, 0, 1, 2])),
      frame(129, Buffer.from("out")),
      frame(130, Buffer.from("err")),
      frame(133, Buffer.alloc(0)),
      frame(131, Buffer.from([137, 1])),
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 40, maxLength: 40 }), (sizes) => {
        const decoder = new ShimMessageDecoder();
        const messages = [];
        let at = 0;
        for (const size of sizes) {
          messages.push(...decoder.push(bytes.subarray(at, at + size)));
          at += size;
        }
        messages.push(...decoder.push(bytes.subarray(at)));
        assert.deepEqual(messages, [
          { type: "started", pid: 258 },
          { type: "stdout", data: Buffer.from("out") },
          { type: "stderr", data: Buffer.from("err") },
          { type: "done" },
          { type: "exit", exitCode: 137, oomKilled: true },
        ]);
      }),
    );
  });

  it("a failure keeps its step, system call, errno, path and code", () => {
    const payload = Buffer.concat([
      Buffer.from([0, 0, 0, 2]),
      ...["step", "openat2", "/path", "SYSTEM", "step: /path: gone"].map(text),
    ]);
    const [message] = new ShimMessageDecoder().push(frame(132, payload));
    assert.ok(message?.type === "error" && message.error instanceof NativeError);
    assert.equal(message.error.message, "step: /path: gone");
    assert.equal(message.error.code, "SYSTEM");
    assert.deepEqual(message.error.details, { errno: 2, syscall: "openat2", step: "step", path: "/path" });
  });

  it("what is no answer of a shim is an error, whatever it is", () => {
    const bad = [
      frame(7, Buffer.alloc(0)),
      frame(128, Buffer.alloc(2)),
      Buffer.from([129, 255, 255, 255, 255]),
      frame(132, Buffer.from([0, 0, 0, 2, 0, 0, 1, 0])),
    ];
    for (const bytes of bad) assert.throws(() => new ShimMessageDecoder().push(bytes), { code: "SHIM_PROTOCOL" });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          new ShimMessageDecoder().push(bytes);
        } catch (error) {
          assert.ok(error instanceof NativeError && error.code === "SHIM_PROTOCOL");
        }
      }),
    );
  });
});
