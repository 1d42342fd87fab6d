import { BerthError } from "../../oci/errors.js";

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly home: string;
}

/** The kernel's -1 means "unchanged", and Docker stops at 2^31 - 1 (CVE-2024-40635: larger ones wrapped to uid 0). */
const MAX_ID = 2 ** 31 - 1;

/**
 * `user[:group]` by the container's own files: names or numbers; a number needs no entry.
 * @param readFile text of /etc/passwd and /etc/group in the container; undefined where missing
 * @param groupAdd further groups, names or numbers
 * @throws BerthError USAGE for a name without entry, or a number out of range
 */
export function lookUpUser(
  spec: string,
  readFile: (path: string) => string | undefined,
  groupAdd: readonly string[] = [],
): ContainerUser {
  const [userPart = "", groupPart, ...rest] = spec.split(":");
  if (rest.length > 0) throw new BerthError("USAGE", `invalid user ${JSON.stringify(spec)}: write user or user:group`);
  const wanted = userPart === "" ? "0" : userPart;
  const accounts = entriesOf(readFile("/etc/passwd"), 7);
  const groups = entriesOf(readFile("/etc/group"), 4);
  const account = findEntry(accounts, wanted);
  const uid = account ? parseId(account[2], spec) : numberOrFail(wanted, "user", "/etc/passwd", spec);
  const gid = groupPart ? groupId(groups, groupPart, spec) : account ? parseId(account[3], spec) : 0;
  // A group given by the user stands alone; otherwise those that list the user count too.
  const listed =
    groupPart || account === undefined
      ? []
      : groups
          .filter((group) => (group[3] ?? "").split(",").includes(account[0] ?? ""))
          .map((group) => parseId(group[2], spec));
  const added = groupAdd.map((group) => groupId(groups, group, spec));
  return { uid, gid, additionalGids: [...new Set([...listed, ...added])], home: account?.[5] || "/" };
}

function groupId(groups: readonly string[][], wanted: string, spec: string): number {
  const group = findEntry(groups, wanted);
  return group ? parseId(group[2], spec) : numberOrFail(wanted, "group", "/etc/group", spec);
}

/** A name first, then a number, as Docker: an account may be named by digits. */
function findEntry(entries: readonly string[][], wanted: string): string[] | undefined {
  return (
    entries.find((entry) => entry[0] === wanted) ??
    (/^\d+$/.test(wanted) ? entries.find((entry) => Number(entry[2]) === Number(wanted)) : undefined)
  );
}

function numberOrFail(text: string, what: string, file: string, spec: string): number {
  if (/^[+-]?\d+$/.test(text)) return parseId(text, spec);
  throw new BerthError("USAGE", `unable to find ${what} ${text}: no matching entry in ${file} of the container`);
}

function parseId(text: string | undefined, spec: string): number {
  const id = text !== undefined && /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(id <= MAX_ID)) {
    throw new BerthError("USAGE", `invalid user ${JSON.stringify(spec)}: IDs are numbers from 0 to ${String(MAX_ID)}`);
  }
  return id;
}

function entriesOf(text: string | undefined, fields: number): string[][] {
  return (text ?? "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => line.trim().split(":"))
    .filter((entry) => entry.length >= Math.min(fields, 3) && entry[0] !== "");
}
