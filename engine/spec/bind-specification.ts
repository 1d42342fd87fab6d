import { BerthError } from "../../oci/errors.js";
import type { MountPlan } from "../../runtime-native/launch-plan.js";

type Propagation = NonNullable<MountPlan["propagation"]>;

const PROPAGATIONS: readonly string[] = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];
/** Accepted as Docker does and without meaning here: SELinux labels, hints for Docker's desktop builds. */
const WITHOUT_EFFECT: readonly string[] = ["rw", "z", "Z", "nocopy", "cached", "delegated", "consistent"];

export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
  readonly propagation: Propagation;
}

/**
 * `-v HOST:CONTAINER[:OPTIONS]`.
 * @throws BerthError USAGE, UNSUPPORTED for a named or anonymous volume
 */
export function parseBind(text: string): Bind {
  const [source = "", target, options = "", ...rest] = text.split(":");
  if (rest.length > 0) throw invalid(text, "write HOST:CONTAINER or HOST:CONTAINER:ro");
  if (target === undefined || !source.startsWith("/")) {
    throw new BerthError(
      "UNSUPPORTED",
      `-v ${JSON.stringify(text)}: volumes are not there yet; give a directory of the host: -v /path:/path/in/container`,
    );
  }
  checkMountTarget(target);
  let readonly = false;
  let propagation: Propagation = "rprivate";
  for (const option of options.split(",").filter(Boolean)) {
    if (option === "ro" || option === "readonly") readonly = true;
    else if (PROPAGATIONS.includes(option)) propagation = option as Propagation;
    else if (!WITHOUT_EFFECT.includes(option)) throw invalid(text, `unknown option ${JSON.stringify(option)}`);
  }
  return { source, target, readonly, propagation };
}

/** @throws BerthError USAGE unless it is an absolute path below the container's root */
export function checkMountTarget(target: string): void {
  const normal = target.split("/").filter((part) => part !== "" && part !== ".");
  if (!target.startsWith("/") || normal.includes("..") || target.includes("\0")) {
    throw invalid(target, "the path in the container must be absolute and without ..");
  }
  if (normal.length === 0) throw invalid(target, "nothing can be mounted on the container's root");
}

export function parsePropagation(text: string): Propagation {
  if (PROPAGATIONS.includes(text)) return text as Propagation;
  throw invalid(text, `a propagation is one of ${PROPAGATIONS.join(", ")}`);
}

function invalid(text: string, why: string): BerthError {
  return new BerthError("USAGE", `invalid mount ${JSON.stringify(text.slice(0, 300))}: ${why}`);
}
