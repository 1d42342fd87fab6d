import { X509Certificate } from "node:crypto";
import { access, constants, readFile, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";

import { BerthError, errnoOf, isBerthError } from "../../oci/errors.js";
import { readCertificateFiles } from "../tls/certificate-files.js";
import type { ConfigProblem, SoundSections } from "./config-problem.js";
import { parseListenAddress } from "./listen-address.js";
import type { RegistryConfig } from "./schema.js";
import { readWebhookSecret } from "./webhooks-section.js";

type Path = ConfigProblem["path"];
type Check = readonly [path: Path, check: () => Promise<void>];

/** What this host does not have of what the configuration names: files, directories, addresses. Changes nothing. */
export async function hostProblems(config: SoundSections<RegistryConfig>): Promise<readonly ConfigProblem[]> {
  const found: ConfigProblem[] = [];
  for (const [path, check] of checksOf(config)) {
    try {
      await check();
    } catch (error) {
      found.push(problemOf(path, error));
    }
  }
  return found;
}

/** A message of what is opened later as well begins with the setting that it is about. */
function problemOf(path: Path, error: unknown): ConfigProblem {
  const message = error instanceof Error ? error.message : String(error);
  const [, setting, what] = isBerthError(error, "CONFIG_INVALID") ? (/^([\w.]+): (.*)$/s.exec(message) ?? []) : [];
  return setting === undefined || what === undefined ? { path, what: message } : { path: setting.split("."), what };
}

function checksOf(config: SoundSections<RegistryConfig>): Check[] {
  const { listen, root, storage, auth, tls, metrics, mirrors, webhooks } = config;
  const checks: Check[] = [];
  const check = <T>(value: T | undefined, path: Path, isSound: (value: T) => Promise<unknown>): void => {
    if (value !== undefined) checks.push([path, async () => void (await isSound(value))]);
  };
  check(listen, ["listen"], canBind);
  check(storage?.filesystem?.root ?? (storage?.s3 === undefined ? root : undefined), rootPath(config), canHold);
  check(storage?.s3?.caFile, ["storage", "s3", "caFile"], readCertificates);
  for (const [index, { name, passwordFile, caFile }] of (mirrors?.upstreams ?? []).entries()) {
    const at = ["mirrors", "upstreams", index];
    check(passwordFile, [...at, "passwordFile"], async (file) => {
      if ((await readFile(file, "utf8")).trim() === "") throw new Error(`${file} is empty: ${name} has no password`);
    });
    check(caFile, [...at, "caFile"], readCertificates);
  }
  check(mirrors?.spool, ["mirrors", "spool"], canHold);
  for (const [index, endpoint] of (webhooks?.endpoints ?? []).entries()) {
    check(endpoint.secretFile, ["webhooks", "endpoints", index, "secretFile"], () =>
      Promise.resolve(readWebhookSecret(endpoint)),
    );
  }
  check(metrics?.listen, ["metrics", "listen"], canBind);
  check(auth?.htpasswd, ["auth", "htpasswd"], readFile);
  check(auth?.keys.directory, ["auth", "keys", "directory"], canHold);
  for (const name of ["certificate", "key", "clientCa"] as const) check(tls?.[name], ["tls", name], readFile);
  check(tls, ["tls"], async (settings) => {
    const { certificate, key, clientCa } = settings;
    const files = [certificate, key, ...(clientCa === undefined ? [] : [clientCa])];
    // What is not there has been told of; here it is whether they belong together.
    const read = await Promise.allSettled(files.map(async (file) => await readFile(file)));
    if (read.every(({ status }) => status === "fulfilled")) await readCertificateFiles(settings);
  });
  return checks;
}

function rootPath({ storage }: SoundSections<RegistryConfig>): Path {
  return storage?.filesystem === undefined ? ["root"] : ["storage", "filesystem", "root"];
}

async function readCertificates(file: string): Promise<X509Certificate> {
  const pem = await readFile(file);
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Error(`${file} holds no certificate in PEM`, { cause });
  }
}

/** The directory is there and can be written to, or can be made. */
async function canHold(directory: string): Promise<void> {
  for (let path = resolve(directory); ; path = dirname(path)) {
    try {
      if (!(await stat(path)).isDirectory()) throw new Error(`${path} is no directory`);
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "") && path !== dirname(path)) continue;
      throw error;
    }
    await access(path, constants.W_OK | constants.X_OK);
    return;
  }
}

/** Whether the host has the address. Not whether the port is free: the registry itself may be running on it. */
async function canBind(address: string): Promise<void> {
  const { host } = parseListenAddress(address);
  const server = createServer();
  try {
    await new Promise<void>((bound, fail) =>
      server.once("error", fail).listen({ host, port: 0, exclusive: true }, bound),
    );
  } catch (cause) {
    // Of a host without IPv6, where every address is those of IPv4.
    if (host === "::" && errnoOf(cause) === "EAFNOSUPPORT") return;
    throw new BerthError("USAGE", `this host has no address ${host} to listen on`, { cause });
  } finally {
    server.close();
  }
}
