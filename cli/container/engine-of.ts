import { openEngine, type Engine } from "../../engine/index.js";
import type { CliContext } from "../context.js";

/** The engine over the state that the command line names. */
export function engineOf(context: CliContext): Engine {
  const script = process.argv[1];
  return openEngine({
    root: context.root,
    runRoot: context.runRoot,
    // Run by the shim of a `-d --rm` container, whose environment is empty.
    ...(script !== undefined && {
      removeCommand: [
        "/usr/bin/env",
        `BERTH_RUN=${context.runRoot}`,
        process.execPath,
        script,
        "--root",
        context.root,
        "rm",
        "-f",
      ],
    }),
  });
}
