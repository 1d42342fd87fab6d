import { BerthError } from "../../oci/errors.js";
import { RegistryClient } from "../client/index.js";
import type { Capability, RegistryHost } from "../hosts/registry-host.js";

/** A host that may be asked, and what was seen of it in this pull. */
export class RegistrySource {
  readonly name: string;
  readonly client: RegistryClient;
  readonly capabilities: ReadonlySet<Capability>;
  /** What the mirror has failed with; it is not asked again. */
  trouble: string | undefined;
  isReached = false;
  #reaching: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor({ client, capabilities }: RegistryHost) {
    this.name = client.endpoint === undefined ? client.registry : new URL(client.endpoint).origin;
    this.client = new RegistryClient(client);
    this.capabilities = capabilities;
  }

  /**
   * Resolves when it has answered anything at all. Questions that run beside each other share the attempt, which goes on when one of
   * them does not wait any longer.
   */
  async reach(signal?: AbortSignal): Promise<void> {
    if (this.isReached) return;
    this.#reaching ??= this.#reach();
    await unlessAborted(this.#reaching, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.client.close();
  }

  async #reach(): Promise<void> {
    try {
      await this.client.reach(this.#closing.signal);
      this.isReached = true;
    } finally {
      this.#reaching = undefined;
    }
  }
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await work;
    return;
  }
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      reject(new BerthError("ABORTED", "the transfer was cancelled"));
    };
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
}
