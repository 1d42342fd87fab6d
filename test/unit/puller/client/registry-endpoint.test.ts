import assert from "node:assert/strict";

import { candidateOrigins, isLoopbackRegistry } from "../../../../puller/client/registry-endpoint.js";

describe("candidateOrigins", () => {
  it("is HTTPS alone for a registry that nothing is known about", () => {
    assert.deepEqual(candidateOrigins("registry.example:5000", false), ["https://registry.example:5000"]);
  });

  it("is Docker Hub's registry for docker.io", () => {
    assert.deepEqual(candidateOrigins("docker.io", false), ["https://registry-1.docker.io"]);
  });

  it("begins with plain HTTP on loopback, and with HTTPS for an insecure registry", () => {
    assert.deepEqual(candidateOrigins("localhost:5000", false), ["http://localhost:5000", "https://localhost:5000"]);
    assert.deepEqual(candidateOrigins("10.0.0.1", true), ["https://10.0.0.1", "http://10.0.0.1"]);
  });
});

describe("isLoopbackRegistry", () => {
  for (const name of ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"]) {
    it(`is true of ${name}`, () => {
      assert.equal(isLoopbackRegistry(name), true);
    });
  }
  for (const name of ["127.0.0.1.example.org", "localhost.example.org", "[::2]:5000", "128.0.0.1", "127.example"]) {
    it(`is false of ${name}`, () => {
      assert.equal(isLoopbackRegistry(name), false);
    });
  }
});
