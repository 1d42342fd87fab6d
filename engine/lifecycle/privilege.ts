import { BerthError } from "../../oci/errors.js";
import { hasCapability, ownCapabilities } from "../spec/capabilities.js";

/** @throws BerthError PRIVILEGE unless this process may make namespaces and mounts */
export function requirePrivilege(): void {
  if (process.geteuid?.() !== 0) throw new BerthError("PRIVILEGE", "containers need root: try again with sudo");
  if (!hasCapability(ownCapabilities().effective, "CAP_SYS_ADMIN")) {
    throw new BerthError("PRIVILEGE", "containers need CAP_SYS_ADMIN, and this process was started without it");
  }
}
