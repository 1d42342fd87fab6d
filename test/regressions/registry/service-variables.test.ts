import assert from "node:assert/strict";

import { isBerthError } from "../../../oci/errors.js";
import { loadConfig } from "../../../registry/config/load-config.js";

/** In Kubernetes, beside a service of its own name, the registry took what it is told of that service for settings. */
describe("the variables of a Kubernetes service called berth-registry", () => {
  const load = (env: Record<string, string>): ReturnType<typeof loadConfig> => loadConfig({ env, flags: {} });

  it("are no settings", () => {
    const variables = {
      BERTH_REGISTRY_SERVICE_HOST: "10.96.0.7",
      BERTH_REGISTRY_SERVICE_PORT: "5000",
      BERTH_REGISTRY_SERVICE_PORT_HTTP: "5000",
      BERTH_REGISTRY_PORT: "tcp://10.96.0.7:5000",
      BERTH_REGISTRY_PORT_5000_TCP: "tcp://10.96.0.7:5000",
      BERTH_REGISTRY_PORT_5000_TCP_PROTO: "tcp",
      BERTH_REGISTRY_PORT_5000_TCP_PORT: "5000",
      BERTH_REGISTRY_PORT_5000_TCP_ADDR: "10.96.0.7",
      BERTH_REGISTRY_MIRROR_SERVICE_HOST: "10.96.0.8",
    };
    assert.deepEqual(load(variables), load({}));
  });

  it("leave slips what they are", () => {
    for (const variable of ["BERTH_REGISTRY_PORT", "BERTH_REGISTRY_LISTEN_PORT", "BERTH_REGISTRY_SERVICE"]) {
      assert.throws(
        () => load({ [variable]: "5000" }),
        (error) => isBerthError(error, "CONFIG_INVALID"),
      );
    }
  });
});
