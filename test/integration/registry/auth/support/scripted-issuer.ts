import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";

/** An OpenID Connect issuer on loopback that answers as it is told. */
export class ScriptedIssuer {
  requests = 0;
  /** Instead of the key set. */
  answer: RequestListener | undefined;

  private constructor(
    private readonly server: Server,
    readonly url: string,
    private key: CryptoKey,
    private kid: string,
    private published: readonly JWK[],
  ) {}

  static async start(): Promise<ScriptedIssuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/realms/test`;
    const { key, jwk } = await newKey("first");
    const issuer = new ScriptedIssuer(server, url, key, "first", [jwk]);
    server.on("request", (request, response) => {
      issuer.requests++;
      if (issuer.answer !== undefined) {
        issuer.answer(request, response);
        return;
      }
      const isDiscovery = request.url === "/realms/test/.well-known/openid-configuration";
      const document = isDiscovery ? { issuer: url, jwks_uri: `${url}/certs` } : { keys: issuer.published };
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(document));
    });
    return issuer;
  }

  /** Signs with a new key from now on, and publishes no other. */
  async rotate(kid: string): Promise<void> {
    const { key, jwk } = await newKey(kid);
    this.key = key;
    this.kid = kid;
    this.published = [jwk];
  }

  async token(claims: Record<string, unknown>, audience = "registry.example"): Promise<string> {
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: this.kid })
      .setIssuer(this.url)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(this.key);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
  }
}

async function newKey(kid: string): Promise<{ key: CryptoKey; jwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  return { key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" } };
}
