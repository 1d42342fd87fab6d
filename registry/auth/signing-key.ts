import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from "jose";
import * as v from "valibot";

export type SigningAlgorithm = "EdDSA" | "ES256" | "RS256";

/** A key as it is kept. */
const storedKeySchema = v.object({
  kid: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  alg: v.picklist(["EdDSA", "ES256", "RS256"]),
  /** Milliseconds since the epoch. */
  createdAt: v.number(),
  /** Private. */
  jwk: v.looseObject({ kty: v.picklist(["OKP", "EC", "RSA"]) }),
});

export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly createdAt: number;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** For the published set. */
  readonly publicJwk: JWK;
}

/** A new key as `readSigningKey` takes it. Its ID is its RFC 7638 thumbprint. */
export async function createSigningKey(alg: SigningAlgorithm): Promise<{ kid: string; bytes: Buffer }> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, bytes: Buffer.from(`${JSON.stringify({ kid, alg, createdAt: Date.now(), jwk })}\n`) };
}

/** @throws Error when it is no such key */
export async function readSigningKey(bytes: Uint8Array): Promise<SigningKey> {
  const parsed: unknown = JSON.parse(Buffer.from(bytes).toString());
  const { kid, alg, createdAt, jwk } = v.parse(storedKeySchema, parsed);
  const { kty, crv, x, y, n, e } = jwk as JWK;
  const publicParts: JWK = Object.fromEntries(
    Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined),
  );
  const [privateKey, publicKey] = await Promise.all([importKey(jwk, alg), importKey(publicParts, alg)]);
  return { kid, alg, createdAt, privateKey, publicKey, publicJwk: { ...publicParts, kid, alg, use: "sig" } };
}

async function importKey(jwk: JWK, alg: SigningAlgorithm): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg);
  if (key instanceof Uint8Array) throw new TypeError("a symmetric key cannot sign tokens here");
  return key;
}
