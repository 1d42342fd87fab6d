import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runProgram } from "../../../../helpers/child-process.js";

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority of its own for each test, by openssl. */
export class TestCertificates {
  private constructor(readonly directory: string) {}

  static async create(): Promise<TestCertificates> {
    const authority = new TestCertificates(mkdtempSync(join(tmpdir(), "berth-ca-")));
    const { directory } = authority;
    await openssl(
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      `${directory}/ca.key`,
      "-out",
      `${directory}/ca.crt`,
      "-days",
      "2",
      "-subj",
      "/CN=berth test",
    );
    return authority;
  }

  get ca(): string {
    return join(this.directory, "ca.crt");
  }

  /** @param commonName with names of this host as alternative names */
  async issue(name: string, commonName: string): Promise<CertificateFiles> {
    const base = join(this.directory, name);
    const [key, request, certificate, extensions] = ["key", "csr", "crt", "ext"].map((kind) => `${base}.${kind}`) as [
      string,
      string,
      string,
      string,
    ];
    writeFileSync(extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    await openssl("req", ...NEW_KEY, "-keyout", key, "-out", request, "-subj", `/CN=${commonName}`);
    await openssl(
      "x509",
      "-req",
      "-in",
      request,
      "-CA",
      this.ca,
      "-CAkey",
      `${this.directory}/ca.key`,
      "-CAcreateserial",
      "-out",
      certificate,
      "-days",
      "2",
      "-extfile",
      extensions,
    );
    return { certificate, key };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

async function openssl(...args: string[]): Promise<void> {
  await runProgram("openssl", args);
}

/** A directory as containers/image wants it for a registry: the authority, and perhaps a client certificate. */
export function certificateDirectory(at: string, ca: string, client?: CertificateFiles): string {
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, "ca.crt"), readFileSync(ca));
  if (client !== undefined) {
    writeFileSync(join(at, "client.cert"), readFileSync(client.certificate));
    writeFileSync(join(at, "client.key"), readFileSync(client.key));
  }
  return at;
}
