/** An upload session as the store knows it, so that any process may go on with it. */
export interface UploadRecord {
  readonly repository: string;
  /** keys.data of the bytes, once they are complete. */
  readonly data: string;
  /** busy: `owner` is receiving bytes, and nobody else may. */
  readonly state: "idle" | "busy";
  /** processIdentity of the process that wrote this entry. */
  readonly owner: string;
  /** Bytes received, as of the last idle entry. */
  readonly size: number;
  /** UploadWriter.suspend at that size; absent while nothing was received. */
  readonly upload?: string;
  readonly at: number;
}
