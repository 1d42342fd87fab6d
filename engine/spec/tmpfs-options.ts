import { BerthError } from "../../oci/errors.js";
import type { MountPlan } from "../../runtime-native/launch-plan.js";

const DATA_OPTION = /^(?:size|nr_inodes|nr_blocks)=\d+[kKmMgG%]?$|^mode=[0-7]{1,4}$|^(?:uid|gid)=\d+$/;

/** `--tmpfs PATH:OPTIONS`: mount(8)'s words; nosuid, nodev and noexec unless taken back. @throws BerthError USAGE */
export function tmpfsMount(target: string, text: string): MountPlan {
  const flags = { readonly: false, nosuid: true, nodev: true, noexec: true };
  const data: string[] = [];
  for (const option of text.split(",").filter(Boolean)) {
    if (option === "ro") flags.readonly = true;
    else if (option === "rw") flags.readonly = false;
    else if (option === "exec" || option === "noexec") flags.noexec = option === "noexec";
    else if (option === "suid" || option === "nosuid") flags.nosuid = option === "nosuid";
    else if (option === "dev" || option === "nodev") flags.nodev = option === "nodev";
    else if (DATA_OPTION.test(option)) data.push(option);
    else {
      throw new BerthError("USAGE", `--tmpfs ${target}: unknown option ${JSON.stringify(option)}`);
    }
  }
  return { type: "tmpfs", source: "tmpfs", target, options: flags, data: data.join(",") };
}
