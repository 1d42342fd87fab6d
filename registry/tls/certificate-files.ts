import { X509Certificate, createPrivateKey } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";

import { BerthError } from "../../oci/errors.js";
import type { TlsSettings } from "../config/tls-section.js";
import { fileStamp } from "../file-stamp.js";

/**
 * Reads what a TLS server needs.
 * @throws BerthError CONFIG_INVALID for files that cannot be read, hold something else or do not belong together
 */
export async function readCertificateFiles(settings: TlsSettings): Promise<SecureContextOptions> {
  const cert = await readPem("certificate", settings.certificate);
  const key = await readPem("key", settings.key);
  const ca = settings.clientCa === undefined ? undefined : await readPem("clientCa", settings.clientCa);
  const leaf = parsed("certificate", settings.certificate, () => new X509Certificate(cert));
  const privateKey = parsed("key", settings.key, () => createPrivateKey(key));
  if (ca !== undefined) parsed("clientCa", settings.clientCa ?? "", () => new X509Certificate(ca));
  if (!leaf.checkPrivateKey(privateKey)) {
    throw invalid("key", `${settings.key} is not the key of ${settings.certificate}`);
  }
  const options: SecureContextOptions = {
    cert,
    key,
    minVersion: settings.minVersion === "1.3" ? "TLSv1.3" : "TLSv1.2",
    ...(ca !== undefined && { ca }),
  };
  parsed("certificate", settings.certificate, () => createSecureContext(options));
  return options;
}

/** Changes when any of the files does. @throws the file system's errors */
export async function stampOfFiles({ certificate, key, clientCa }: TlsSettings): Promise<string> {
  const files = clientCa === undefined ? [certificate, key] : [certificate, key, clientCa];
  const stats = await Promise.all(files.map(async (file) => await stat(file, { bigint: true })));
  return stats.map(fileStamp).join("\n");
}

async function readPem(setting: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw invalid(setting, messageOf(cause), cause);
  }
}

function parsed<T>(setting: string, file: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw invalid(setting, `${file}: ${messageOf(cause)}`, cause);
  }
}

function invalid(setting: string, message: string, cause?: unknown): BerthError {
  return new BerthError("CONFIG_INVALID", `tls.${setting}: ${message}`, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
