import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";

import { BerthError, errnoOf } from "../../oci/errors.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where distributions keep what their administrators trust; the first that is there counts. */
const SYSTEM_BUNDLES = [
  // Debian, Ubuntu, Alpine, Arch
  "/etc/ssl/certs/ca-certificates.crt",
  // Fedora, RHEL
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  // openSUSE
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
const BEGIN = "-----BEGIN CERTIFICATE-----";

/** Of the process's life: what is trusted does not change under a client that runs. */
const known = new Map<string, readonly string[]>();

/**
 * The authorities that are trusted where nothing else is said, PEM: the system's, or Node's own list on a system without any.
 * SSL_CERT_FILE and SSL_CERT_DIR (directories, with colons between) mean what they mean to Go's programs: one of them alone is used
 * besides the system's bundle, both together instead of it. NODE_EXTRA_CA_CERTS adds to either.
 * @throws BerthError CONFIG_INVALID when SSL_CERT_FILE cannot be used
 */
export function trustedAuthorities(environment: Environment = process.env): readonly string[] {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directories, NODE_EXTRA_CA_CERTS: extra } = environment;
  const key = JSON.stringify([file, directories, extra]);
  let authorities = known.get(key);
  if (authorities === undefined) {
    const named = [
      ...(file ? [namedFile(file)] : []),
      ...(directories ? directories.split(":").flatMap(inDirectory) : []),
    ];
    const usual = file && directories ? [] : systemBundle();
    authorities = [...new Set([...named, ...usual, ...(extra ? readable(extra) : [])])];
    known.set(key, authorities);
  }
  return authorities;
}

function systemBundle(): readonly string[] {
  for (const path of SYSTEM_BUNDLES) {
    const found = readable(path);
    if (found.length > 0) return found;
  }
  return rootCertificates;
}

function namedFile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new BerthError(
      "CONFIG_INVALID",
      `SSL_CERT_FILE: ${path} cannot be read: ${errnoOf(cause) ?? String(cause)}`,
      {
        cause,
      },
    );
  }
  if (text.includes(BEGIN)) return text;
  throw new BerthError("CONFIG_INVALID", `SSL_CERT_FILE: ${path} holds no PEM certificate`);
}

/** The same file may be there under several names: OpenSSL finds it by its hash. */
function inDirectory(directory: string): readonly string[] {
  if (directory === "") return [];
  try {
    return readdirSync(directory)
      .sort()
      .flatMap((name) => readable(join(directory, name)));
  } catch {
    return [];
  }
}

/** Empty for what is not there, or no certificate: such lists are made for many programs. */
function readable(path: string): readonly string[] {
  try {
    const text = readFileSync(path, "utf8");
    return text.includes(BEGIN) ? [text] : [];
  } catch {
    return [];
  }
}
