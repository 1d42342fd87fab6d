import { text as textOf } from "node:stream/consumers";

import type { Command } from "commander";

import { BerthError, isBerthError } from "../../oci/errors.js";
import type { Credentials } from "../../puller/client/index.js";
import { keepCredentials } from "../../puller/credentials/keep-credentials.js";
import { logIn } from "../../puller/credentials/login.js";
import { savedCredentials } from "../../puller/credentials/saved-credentials.js";
import { registryNamed } from "../../puller/credentials/server-names.js";
import { serverClient } from "../../puller/hosts/registry-hosts.js";
import type { CommandHost } from "../command.js";
import { interruptible } from "../interruptible.js";
import { askForLine, askForSecret } from "../output/terminal-prompt.js";

interface LoginOptions {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
}

export function define(command: Command, _host: CommandHost): void {
  command
    .argument("[server]", "host[:port] of the registry (default: Docker Hub)")
    .option("-u, --username <name>", "user name")
    .option("-p, --password <password>", "password; other users of this host can see it")
    .option("--password-stdin", "read the password from standard input")
    .action(async (server: string | undefined, options: LoginOptions) => {
      const registry = registryNamed(server);
      const client = await serverClient(registry);
      const show = async (credentials: Credentials): Promise<Credentials> => {
        await interruptible((signal) => logIn(client, credentials, signal));
        return credentials;
      };
      const given = await givenCredentials(options);
      const kept =
        (given && (await show(given))) ??
        (options.username === undefined ? await showSaved(registry, show) : undefined) ??
        (await show(await promptedCredentials(options)));
      const file = await keepCredentials(registry, kept);
      if (file !== undefined) {
        process.stderr.write(
          `\nWARNING! Your credentials are stored unencrypted in '${file}'.\n` +
            "Configure a credential helper to remove this warning. See\n" +
            "https://docs.docker.com/go/credential-store/\n\n",
        );
      }
      process.stdout.write("Login Succeeded\n");
    });
}

/** With what an earlier login has saved; undefined when there is nothing, or it is refused and somebody can be asked. */
async function showSaved(
  registry: string,
  show: (credentials: Credentials) => Promise<Credentials>,
): Promise<Credentials | undefined> {
  const saved = await savedCredentials(registry);
  if (saved === undefined) return undefined;
  process.stdout.write("Authenticating with existing credentials...\n");
  try {
    return await show(saved);
  } catch (error) {
    if (!process.stdin.isTTY || !isBerthError(error, "UNAUTHORIZED")) throw error;
    process.stderr.write(`Login did not succeed, error: ${error.message}\n`);
    return undefined;
  }
}

/** What the command line and standard input say; undefined when somebody has to be asked. */
async function givenCredentials(options: LoginOptions): Promise<Credentials | undefined> {
  const { username, password, passwordStdin = false } = options;
  if (passwordStdin && password !== undefined) {
    throw new BerthError("USAGE", "--password and --password-stdin are mutually exclusive");
  }
  if (password !== undefined) {
    process.stderr.write("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
  }
  if (passwordStdin && !username) throw new BerthError("USAGE", "Must provide --username with --password-stdin");
  const secret = passwordStdin ? (await textOf(process.stdin)).replace(/\r?\n$/, "") : password;
  if (!username || secret === undefined) return undefined;
  return checked({ username, password: secret });
}

async function promptedCredentials({ username, password }: LoginOptions): Promise<Credentials> {
  if (!process.stdin.isTTY) {
    throw new BerthError("USAGE", "cannot perform an interactive login from a non TTY device");
  }
  const name = username || (await askForLine("Username: "));
  return checked({ username: name.trim(), password: password ?? (await askForSecret("Password: ")) });
}

function checked(credentials: Credentials): Credentials {
  if (credentials.username === "") throw new BerthError("USAGE", "username is empty");
  if (credentials.password === "") throw new BerthError("USAGE", "password is empty");
  return credentials;
}
