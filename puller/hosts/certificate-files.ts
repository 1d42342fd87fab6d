import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createSecureContext } from "node:tls";

import { errnoOf } from "../../oci/errors.js";
import type { ClientCertificate } from "../client/index.js";
import type { HostEntry } from "./hosts-toml.js";
import type { Mistakes } from "./mistakes.js";

export interface TlsFiles {
  readonly authorities: readonly string[];
  readonly certificates: readonly ClientCertificate[];
}

/** What an entry of a hosts.toml names. */
export function entryCertificates(
  { authorities, certificates }: Pick<HostEntry, "authorities" | "certificates">,
  directory: string,
  mistakes: Mistakes,
): TlsFiles {
  return {
    authorities: authorities.flatMap((file) => authority(resolve(directory, file), mistakes)),
    certificates: certificates.flatMap(({ certificate, key }) =>
      clientCertificate(resolve(directory, certificate), resolve(directory, key), mistakes),
    ),
  };
}

/** Docker's convention: every `*.crt` is an authority, every `x.cert` is a client certificate with its key in `x.key`. */
export function directoryCertificates(directories: readonly string[], mistakes: Mistakes): TlsFiles {
  const files = directories.flatMap((directory) =>
    readdirSync(directory)
      .sort()
      .map((name) => join(directory, name)),
  );
  return {
    authorities: files.filter((file) => file.endsWith(".crt")).flatMap((file) => authority(file, mistakes)),
    certificates: files
      .filter((file) => file.endsWith(".cert"))
      .flatMap((file) => clientCertificate(file, file.replace(/\.cert$/, ".key"), mistakes)),
  };
}

function authority(file: string, mistakes: Mistakes): string[] {
  const pem = read(file, mistakes);
  if (pem === undefined) return [];
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    mistakes.add(file, "", "holds no PEM certificate");
    return [];
  }
  return usable(file, { ca: pem }, mistakes) ? [pem] : [];
}

function clientCertificate(certificateFile: string, keyFile: string, mistakes: Mistakes): ClientCertificate[] {
  const certificate = read(certificateFile, mistakes);
  const key = keyFile === certificateFile ? certificate : read(keyFile, mistakes);
  if (certificate === undefined || key === undefined) return [];
  return usable(certificateFile, { cert: certificate, key }, mistakes) ? [{ certificate, key }] : [];
}

function usable(file: string, options: Parameters<typeof createSecureContext>[0], mistakes: Mistakes): boolean {
  try {
    createSecureContext(options);
    return true;
  } catch (error) {
    mistakes.add(file, "", `cannot be used: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

function read(file: string, mistakes: Mistakes): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    mistakes.add(file, "", `cannot be read: ${errnoOf(error) ?? String(error)}`);
    return undefined;
  }
}
