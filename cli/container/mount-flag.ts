import { resolve } from "node:path";

import { BerthError } from "../../oci/errors.js";
import type { DeviceRequest, MountRequest, Ulimit } from "../../engine/index.js";
import { parseGoBoolean } from "../go-boolean.js";
import { parseByteSize } from "./byte-size.js";

/** `--mount type=bind,source=/a,target=/b,readonly` (Docker's long form). @throws BerthError USAGE, UNSUPPORTED */
export function parseMountFlag(text: string): MountRequest {
  const fields = new Map<string, string>();
  for (const field of text.split(",")) {
    const equals = field.indexOf("=");
    fields.set(equals < 0 ? field : field.slice(0, equals), equals < 0 ? "true" : field.slice(equals + 1));
  }
  const take = (...names: string[]): string | undefined => {
    const found = names.map((name) => fields.get(name)).find((value) => value !== undefined);
    for (const name of names) fields.delete(name);
    return found;
  };
  const type = take("type") ?? "volume";
  if (type === "volume") {
    throw new BerthError(
      "UNSUPPORTED",
      `--mount ${JSON.stringify(text)}: volumes are not there yet; use type=bind or type=tmpfs`,
    );
  }
  if (type !== "bind" && type !== "tmpfs") throw invalid(text, "type is bind or tmpfs");
  const [size, mode] = [take("tmpfs-size"), take("tmpfs-mode")];
  const propagation = take("bind-propagation");
  const mount: MountRequest = {
    Type: type,
    Source: take("source", "src") ?? "",
    Target: take("target", "destination", "dst") ?? "",
    ReadOnly: parseSwitch(take("readonly", "ro") ?? "false", text),
    ...(type === "tmpfs" && {
      TmpfsOptions: {
        ...(size !== undefined && { SizeBytes: parseByteSize(size, "tmpfs-size") }),
        ...(mode !== undefined && { Mode: parseMode(mode, text) }),
      },
    }),
    ...(propagation !== undefined && { BindOptions: { Propagation: propagation } }),
  };
  const [unknown] = fields.keys();
  if (unknown !== undefined) throw invalid(text, `unknown field ${JSON.stringify(unknown)}`);
  if (mount.Target === "") throw invalid(text, "target is missing");
  return mount;
}

/** `HOST[:CONTAINER][:rwm]`. @throws BerthError USAGE */
export function parseDeviceFlag(text: string): DeviceRequest {
  const [host = "", second, third] = text.split(":");
  const isPermissions = (part: string | undefined) => part !== undefined && /^[rwm]{1,3}$/.test(part);
  const inContainer = second === undefined || isPermissions(second) ? host : second;
  const permissions = third ?? (isPermissions(second) ? second : "rwm") ?? "rwm";
  if (!host.startsWith("/") || !inContainer.startsWith("/") || !isPermissions(permissions)) {
    throw new BerthError("USAGE", `invalid --device ${JSON.stringify(text)}: write /dev/a or /dev/a:/dev/b:rwm`);
  }
  return { PathOnHost: host, PathInContainer: inContainer, CgroupPermissions: permissions };
}

/** `nofile=1024:2048` or `nofile=1024`. @throws BerthError USAGE */
export function parseUlimitFlag(text: string): Ulimit {
  const [, name, soft, hard] = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text) ?? [];
  if (name === undefined || soft === undefined) {
    throw new BerthError("USAGE", `invalid --ulimit ${JSON.stringify(text)}: write such as nofile=1024:2048`);
  }
  return { Name: name, Soft: Number(soft), Hard: Number(hard ?? soft) };
}

/** Docker's clients take a path relative to where they run; the engine wants an absolute one. */
export function absoluteBind(text: string): string {
  const source = text.split(":")[0] ?? "";
  return source.startsWith("./") || source.startsWith("../") || source === "." || source === ".."
    ? resolve(source) + text.slice(source.length)
    : text;
}

/** Docker's words; anything else must not make a mount writable that was meant not to be. */
function parseSwitch(value: string, mount: string): boolean {
  const on = parseGoBoolean(value);
  if (on === undefined) throw invalid(mount, "readonly is true or false");
  return on;
}

function parseMode(value: string, mount: string): number {
  if (/^[0-7]{1,4}$/.test(value)) return parseInt(value, 8);
  throw invalid(mount, "tmpfs-mode is an octal number such as 1777");
}

function invalid(text: string, why: string): BerthError {
  return new BerthError("USAGE", `invalid --mount ${JSON.stringify(text)}: ${why}`);
}
