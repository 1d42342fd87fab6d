import assert from "node:assert/strict";

import { lookUpUser } from "../../../engine/spec/user-lookup.js";

const FILES: Readonly<Record<string, string>> = {
  "/etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv/www:/bin/sh\n# no one\n\n1000:x:7:8::/named-by-digits:\n",
  "/etc/group": "root:x:0:\nstaff:x:50:web,other\ndisk:x:6:web\nempty:x:9:\n",
};
const lookUp = (spec: string, groupAdd: readonly string[] = []) => lookUpUser(spec, (path) => FILES[path], groupAdd);

describe("user of a container", () => {
  it("is root unless said otherwise", () => {
    assert.deepEqual(lookUp(""), { uid: 0, gid: 0, additionalGids: [], home: "/root" });
  });

  it("by name: the groups that list it count", () => {
    assert.deepEqual(lookUp("web"), { uid: 33, gid: 34, additionalGids: [50, 6], home: "/srv/www" });
  });

  it("by number: its entry counts, if there is one", () => {
    assert.deepEqual(lookUp("33"), { uid: 33, gid: 34, additionalGids: [50, 6], home: "/srv/www" });
    assert.deepEqual(lookUp("4711"), { uid: 4711, gid: 0, additionalGids: [], home: "/" });
  });

  it("a name made of digits wins over the number", () => {
    assert.equal(lookUp("1000").uid, 7);
  });

  it("a group that is given stands alone, with those added", () => {
    assert.deepEqual(lookUp("web:disk", ["empty", "77"]), {
      uid: 33,
      gid: 6,
      additionalGids: [9, 77],
      home: "/srv/www",
    });
  });

  it("unknown names and extra parts are refused", () => {
    assert.throws(() => lookUp("nobody"), { code: "USAGE", message: /unable to find user nobody/ });
    assert.throws(() => lookUp("web:nogroup"), { code: "USAGE", message: /unable to find group nogroup/ });
    assert.throws(() => lookUp("a:b:c"), { code: "USAGE" });
  });

  it("without the files numbers still work", () => {
    assert.deepEqual(
      lookUpUser("5:6", () => undefined),
      { uid: 5, gid: 6, additionalGids: [], home: "/" },
    );
  });
});
