import { execFile } from "node:child_process";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { printable, type Credentials } from "../client/index.js";
import { isRecord } from "./docker-config.js";
import { keyOfRegistry } from "./server-names.js";

// Some ask for a passphrase in a window.
const TIME_LIMIT = 60_000;
const OUTPUT_LIMIT = 1024 * 1024;
/** User name of a secret that is an identity token. */
const TOKEN_USER = "<token>";
const NOT_FOUND = /credentials not found/i;

/**
 * The program docker-credential-NAME: get, store and erase, each a process with JSON or a server's name on its standard
 * input (docker-credential-helpers' protocol).
 */
export class CredentialHelper {
  readonly #program: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #timeLimit: number;

  /** @param name see helperFor, which has checked it */
  constructor(name: string, environment: NodeJS.ProcessEnv, timeLimit = TIME_LIMIT) {
    this.#program = `docker-credential-${name}`;
    this.#environment = environment;
    this.#timeLimit = timeLimit;
  }

  /** @throws BerthError CONFIG_INVALID, UNAUTHORIZED, TIMEOUT */
  async get(registry: string): Promise<Credentials | undefined> {
    const answer = await this.#run("get", keyOfRegistry(registry));
    if (answer === undefined) return undefined;
    const { Username, Secret } = parsed(answer);
    if (typeof Username !== "string" || typeof Secret !== "string") {
      throw new BerthError("UNAUTHORIZED", `${this.#program} answered without a user name and a secret`);
    }
    if (Username === TOKEN_USER) return { username: "", password: "", identityToken: Secret };
    return Username === "" && Secret === "" ? undefined : { username: Username, password: Secret };
  }

  /** @throws BerthError CONFIG_INVALID, UNAUTHORIZED, TIMEOUT */
  async store(registry: string, { username, password, identityToken }: Credentials): Promise<void> {
    const secret =
      identityToken === undefined
        ? { Username: username, Secret: password }
        : { Username: TOKEN_USER, Secret: identityToken };
    await this.#run("store", JSON.stringify({ ServerURL: keyOfRegistry(registry), ...secret }));
  }

  /** One that is not there is no error. @throws BerthError CONFIG_INVALID, UNAUTHORIZED, TIMEOUT */
  async erase(registry: string): Promise<void> {
    await this.#run("erase", keyOfRegistry(registry));
  }

  /** Standard output; undefined when the helper says that it knows nothing of the server. */
  #run(verb: "get" | "store" | "erase", input: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        this.#program,
        [verb],
        { env: this.#environment, timeout: this.#timeLimit, maxBuffer: OUTPUT_LIMIT, killSignal: "SIGKILL" },
        (error, stdout) => {
          if (error === null) resolve(stdout);
          else if (NOT_FOUND.test(stdout)) resolve(undefined);
          else reject(this.#failure(verb, error, stdout));
        },
      );
      // It may end without having read; what it says then counts.
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(input);
    });
  }

  #failure(verb: string, error: Error & { killed?: boolean }, stdout: string): BerthError {
    const what = `${this.#program} ${verb}`;
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "EACCES") {
      return new BerthError("CONFIG_INVALID", `${this.#program}, which the configuration names, is not in the PATH`);
    }
    if (code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return new BerthError("UNAUTHORIZED", `${what} said too much`);
    if (error.killed === true) {
      return new BerthError("TIMEOUT", `${what} did not end within ${String(this.#timeLimit / 1000)} s`);
    }
    // Only what stands on standard output is meant for us, and only the failures: what it prints otherwise is secret.
    return new BerthError("UNAUTHORIZED", `${what} failed: ${printable(stdout.trim()) || "it does not say why"}`);
  }
}

function parsed(answer: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(answer);
    return isRecord(json) ? json : {};
  } catch {
    return {};
  }
}
