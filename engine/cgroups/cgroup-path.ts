import { BerthError } from "../../oci/errors.js";

export const DEFAULT_CGROUP_PARENT = "/berth";

/**
 * A cgroup parent as an absolute, normal path in the hierarchy.
 * @throws BerthError USAGE for `..`, which would leave the hierarchy, and for names that the kernel keeps for its files
 */
export function parseCgroupParent(text: string): string {
  const parts = text.split("/").filter((part) => part !== "");
  const bad = parts.some((part) => part === "." || part === ".." || /[\0\n]/.test(part) || part.length > 255);
  if (bad || parts.length === 0) {
    throw new BerthError("USAGE", `invalid --cgroup-parent ${JSON.stringify(text)}: write a path such as /berth`);
  }
  return `/${parts.join("/")}`;
}
