import assert from "node:assert/strict";

import { applyChange } from "../../../../puller/build/config-change.js";

describe("applyChange", () => {
  it("takes CMD and ENTRYPOINT in exec and in shell form", () => {
    assert.deepEqual(applyChange({}, 'CMD ["a", "b c"]'), { Cmd: ["a", "b c"] });
    assert.deepEqual(applyChange({}, "entrypoint exec a b"), { Entrypoint: ["/bin/sh", "-c", "exec a b"] });
  });

  it("replaces a variable that is set already and keeps the others", () => {
    const config = { Env: ["A=1", "B=2"] };
    assert.deepEqual(applyChange(config, "ENV A=\"x y\" C='3'"), { Env: ["B=2", "A=x y", "C=3"] });
    assert.deepEqual(applyChange({}, "ENV A two words"), { Env: ["A=two words"] });
  });

  it("adds ports, labels and volumes to those that are there", () => {
    assert.deepEqual(applyChange({ ExposedPorts: { "1/tcp": {} } }, "EXPOSE 80 53/udp"), {
      ExposedPorts: { "1/tcp": {}, "80/tcp": {}, "53/udp": {} },
    });
    assert.deepEqual(applyChange({ Labels: { a: "1" } }, "LABEL b=2"), { Labels: { a: "1", b: "2" } });
    assert.deepEqual(applyChange({}, 'VOLUME ["/data"]'), { Volumes: { "/data": {} } });
  });

  it("refuses other instructions and ones without a value", () => {
    for (const change of ["RUN true", "CMD", "", "EXPOSE many", "ENV =x"]) {
      assert.throws(() => applyChange({}, change), { code: "USAGE" });
    }
  });
});
