import { BerthError } from "../../oci/errors.js";
import type { ProcessPlan } from "../../runtime-native/launch-plan.js";
import type { Ulimit } from "../container-config.js";

/** asm-generic/resource.h, by Docker's names. */
const RESOURCES: Readonly<Record<string, number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
};

const UNLIMITED = 2n ** 64n - 1n;

/** @throws BerthError USAGE for an unknown name or a soft limit above the hard one */
export function rlimitsOf(ulimits: readonly Ulimit[]): ProcessPlan["rlimits"] {
  return ulimits.map(({ Name, Soft, Hard }) => {
    const resource = RESOURCES[Name];
    if (resource === undefined) {
      throw new BerthError("USAGE", `unknown --ulimit ${Name}: one of ${Object.keys(RESOURCES).join(", ")}`);
    }
    const [soft, hard] = [Soft, Hard].map((value) => (value < 0 ? UNLIMITED : BigInt(value))) as [bigint, bigint];
    if (soft > hard) throw new BerthError("USAGE", `--ulimit ${Name}: the soft limit is above the hard limit`);
    return { resource, soft, hard };
  });
}
