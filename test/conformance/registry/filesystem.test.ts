import { TestRegistry } from "../../integration/registry/support/test-registry.js";
import { distributionSpecSuite } from "./distribution-spec-suite.js";

describe("distribution-spec on a filesystem", () => {
  distributionSpecSuite(async (options) => await TestRegistry.start(options));
});
