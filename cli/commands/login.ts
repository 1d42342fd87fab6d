import { text as textOf } from "node:stream/consumers";

import type { Command } from "commander";

import { BerthError } from "../../oci/errors.js";
import type { Credentials } from "../../puller/client/index.js";
import { keepCredentials } from "../../puller/credentials/keep-credentials.js";
import { logIn } from "../../puller/credentials/login.js";
import { savedCredentials } from "../../puller/credentials/saved-credentials.js";
import { hostOfKey } from "../../puller/credentials/server-names.js";
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
    .action(async (server = "docker.io", options: LoginOptions) => {
      const registry = hostOfKey(server);
      const given = await givenCredentials(options);
      const saved =
        given === undefined && options.username === undefined ? await savedCredentials(registry) : undefined;
      if (saved !== undefined) process.stdout.write("Authenticating with existing credentials...\n");
      const credentials = given ?? saved ?? (await promptedCredentials(options));
      const kept = await interruptible((signal) => logIn(serverClient(registry), credentials, signal));
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
