import type { Server, ServerOptions } from "node:https";
import type { SecureContextOptions } from "node:tls";

import type { Logger } from "pino";

import type { TlsSettings } from "../config/tls-section.js";
import { readCertificateFiles, stampOfFiles } from "./certificate-files.js";

const LOOK_EVERY_MS = 5000;
/** Node's 120 s are for hosts far slower than a connection may keep a descriptor here. */
const HANDSHAKE_TIMEOUT_MS = 15_000;

/**
 * The certificate of an HTTPS server. New connections get the files' new content some seconds after they have changed; while
 * the files are bad, or do not belong together yet, the certificate stays as it was.
 */
export class ServerTls {
  #servers: Server[] = [];
  #failed = "";
  readonly #timer: NodeJS.Timeout;

  private constructor(
    private readonly settings: TlsSettings,
    private readonly log: Logger,
    private stamp: string,
    private context: SecureContextOptions,
    lookEveryMs: number,
  ) {
    this.#timer = setInterval(() => {
      void this.#look();
    }, lookEveryMs);
    this.#timer.unref();
  }

  /** @throws BerthError CONFIG_INVALID */
  static async open(settings: TlsSettings, log: Logger, lookEveryMs = LOOK_EVERY_MS): Promise<ServerTls> {
    const context = await readCertificateFiles(settings);
    return new ServerTls(settings, log, await stampOfFiles(settings), context, lookEveryMs);
  }

  /** For `https.createServer`; see `attach`. HTTP/1.1 alone: docs/decisions, "HTTP/2 is not offered". */
  get serverOptions(): ServerOptions {
    const { clientCa, clientCertificate } = this.settings;
    return {
      ...this.context,
      requestCert: clientCa !== undefined,
      rejectUnauthorized: clientCertificate === "required",
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    };
  }

  /** The server's certificate follows the files. */
  attach(server: Server): void {
    this.#servers.push(server);
  }

  /** Reads the files now. @returns takes them into use. @throws BerthError CONFIG_INVALID */
  async prepare(): Promise<() => void> {
    const context = await readCertificateFiles(this.settings);
    return () => {
      this.context = context;
      for (const server of this.#servers) server.setSecureContext(context);
      this.log.info({ certificate: this.settings.certificate }, "certificate read");
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#servers = [];
  }

  async #look(): Promise<void> {
    let stamp = "";
    try {
      stamp = await stampOfFiles(this.settings);
      if (stamp === this.stamp) return;
      (await this.prepare())();
      this.stamp = stamp;
    } catch (error) {
      // Once for each state of the files.
      if (stamp === this.#failed && stamp !== "") return;
      this.#failed = stamp;
      this.log.error({ err: error }, "the certificate stays as it was");
    }
  }
}
