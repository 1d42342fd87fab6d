import { nativeSources } from "./native-sources.mjs";
import { run } from "./step.mjs";

run("clang-format", ["-i", ...nativeSources()]);
