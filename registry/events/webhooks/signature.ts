import { createHmac } from "node:crypto";

/**
 * Value of the Berth-Signature header: `t=<seconds since the epoch>,v1=<hex>`, where hex is HMAC-SHA256 under the shared secret
 * of `<t>.<body>`. A receiver that compares `t` with its clock is safe from replays.
 */
export function signatureOf(secret: string, body: string, nowMs: number): string {
  const seconds = String(Math.floor(nowMs / 1000));
  return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`;
}
