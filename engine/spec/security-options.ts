import { BerthError } from "../../oci/errors.js";

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  readonly seccomp: "default" | "unconfined";
}

/** `--security-opt`, Docker's words. @throws BerthError USAGE, UNSUPPORTED */
export function parseSecurityOptions(options: readonly string[], privileged: boolean): SecurityOptions {
  let noNewPrivileges = false;
  let seccomp: SecurityOptions["seccomp"] = privileged ? "unconfined" : "default";
  for (const option of options) {
    const [name, value = "true"] = option.split(/[=:]/, 2);
    if (name === "no-new-privileges" && (value === "true" || value === "false")) noNewPrivileges = value === "true";
    else if (name === "seccomp" && (value === "unconfined" || value === "builtin")) {
      seccomp = value === "unconfined" ? value : "default";
    } else if (name === "seccomp") {
      throw new BerthError("UNSUPPORTED", "--security-opt seccomp: only unconfined and builtin are there yet");
    } else if (!(name === "apparmor" && value === "unconfined") && !(name === "label" && value === "disable")) {
      throw new BerthError("USAGE", `unknown --security-opt ${JSON.stringify(option)}`);
    }
  }
  return { noNewPrivileges, seccomp };
}
