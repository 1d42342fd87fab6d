import { gate } from "./gate.js";

export interface PausedBody {
  readonly stream: ReadableStream;
  /** Resolves when the first piece was handed over. */
  readonly taken: Promise<void>;
  sendRest(): void;
}

/** A request body, sent chunked, that stops after its first piece until it is told to go on. */
export function pausedBody(first: Uint8Array, rest: Uint8Array): PausedBody {
  const [taken, goOn] = [gate(), gate()];
  const stream = new ReadableStream({
    async start(controller) {
      controller.enqueue(new Uint8Array(first));
      taken.open();
      await goOn.opened;
      controller.enqueue(new Uint8Array(rest));
      controller.close();
    },
  });
  return { stream, taken: taken.opened, sendRest: goOn.open };
}
