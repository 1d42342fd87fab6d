// Brings a fresh clone to a working state, and is quick when there is nothing to do: each step has a stamp.
//   (no flag)      build tools, npm packages, TypeScript, the native part, the bundled command
//   --for-tests    the same and what the tests need
//   --for-checks   the same and what `npm run check` needs
//   --build        only compile
import process from "node:process";

import { installDebianPackages } from "./debian-packages.mjs";
import { buildNative, buildTypeScript } from "./build.mjs";
import { bundleCommand } from "./bundle.mjs";
import { installNpmPackages } from "./npm-packages.mjs";
import { BUILD_PACKAGES, CHECK_PACKAGES, TEST_PACKAGES } from "./requirements.mjs";
import { SetupError } from "./step.mjs";

const MINIMUM_NODE = [20, 20];

try {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])) {
    throw new SetupError(`berth needs Node ${MINIMUM_NODE.join(".")} or later; this is ${process.versions.node}`);
  }
  if (!process.argv.includes("--build")) {
    installDebianPackages([
      ...BUILD_PACKAGES,
      ...(process.argv.includes("--for-tests") ? TEST_PACKAGES : []),
      ...(process.argv.includes("--for-checks") ? CHECK_PACKAGES : []),
    ]);
    installNpmPackages();
  }
  buildTypeScript();
  buildNative();
  await bundleCommand();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`berth setup: ${error.message}`);
  process.exitCode = 1;
}
