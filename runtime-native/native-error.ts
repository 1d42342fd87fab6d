/** A failure in the C++ core: which step of which operation, on what, and what the kernel said. */
export class NativeError extends Error {
  override readonly name = "NativeError";

  constructor(
    message: string,
    readonly code: string,
    readonly details: {
      /** Positive errno, when a system call failed. */
      readonly errno?: number;
      readonly syscall?: string;
      readonly step?: string;
      readonly path?: string;
    } = {},
  ) {
    super(message);
  }
}

/** What the addon threw, as a NativeError; anything else unchanged. */
export function asNativeError(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  const { errno, syscall, step, path } = error as { errno?: number; syscall?: string; step?: string; path?: string };
  return new NativeError(error.message, error.code, {
    ...(errno !== undefined && { errno }),
    ...(syscall !== undefined && { syscall }),
    ...(step !== undefined && { step }),
    ...(path !== undefined && { path }),
  });
}
