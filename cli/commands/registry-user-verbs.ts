import process from "node:process";
import { text as textOf } from "node:stream/consumers";

import { BerthError } from "../../oci/errors.js";
import { editHtpasswd, readHtpasswd } from "../../registry/auth/edit-htpasswd.js";
import { parseHtpasswd, withoutUser, withUser } from "../../registry/auth/htpasswd-format.js";
import { isLocalName } from "../../registry/auth/identity.js";
import { hashPassword } from "../../registry/auth/password-hash.js";
import { loadConfig } from "../../registry/config/load-config.js";
import { askForSecret } from "../output/terminal-prompt.js";

export interface UserFlags {
  readonly htpasswd?: string;
  readonly config?: string;
  readonly passwordStdin?: boolean;
}

/** Adds the user or changes the password. */
export async function addUser(name: string, flags: UserFlags): Promise<void> {
  if (!isLocalName(name)) {
    throw new BerthError("USAGE", "a user's name is letters, digits and . _ @ + - between them, at most 128");
  }
  const file = htpasswdOf(flags);
  const hash = await hashPassword(await passwordFor(name, flags));
  let known = false;
  await editHtpasswd(file, (text) => {
    known = parseHtpasswd(text).users.has(name);
    return withUser(text, name, hash);
  });
  process.stdout.write(`${known ? "changed the password of" : "added"} ${name} in ${file}\n`);
}

export async function removeUser(name: string, flags: UserFlags): Promise<void> {
  const file = htpasswdOf(flags);
  await editHtpasswd(file, (text) => {
    const without = withoutUser(text, name);
    if (without === undefined) throw new BerthError("USAGE", `${file} has no user ${JSON.stringify(name)}`);
    return without;
  });
  process.stdout.write(`removed ${name} from ${file}\n`);
}

export async function listUsers(flags: UserFlags): Promise<void> {
  const { users, problems } = parseHtpasswd(await readHtpasswd(htpasswdOf(flags)));
  for (const name of [...users.keys()].sort()) process.stdout.write(`${name}\n`);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
}

function htpasswdOf({ htpasswd, config }: UserFlags): string {
  if (htpasswd !== undefined) return htpasswd;
  const { auth } = loadConfig({ ...(config !== undefined && { file: config }), env: process.env, flags: {} });
  if (auth?.htpasswd !== undefined) return auth.htpasswd;
  throw new BerthError("USAGE", "which file has the users? Say --htpasswd, or --config with auth.htpasswd in it");
}

async function passwordFor(name: string, { passwordStdin = false }: UserFlags): Promise<string> {
  if (passwordStdin) return (await textOf(process.stdin)).replace(/\r?\n$/, "");
  if (!process.stdin.isTTY)
    throw new BerthError("USAGE", "there is no terminal to ask for a password: say --password-stdin");
  const password = await askForSecret(`Password for ${name}: `);
  if ((await askForSecret("Again: ")) !== password) throw new BerthError("USAGE", "the two passwords differ");
  return password;
}
