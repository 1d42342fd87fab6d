import { createHash, createHmac } from "node:crypto";

import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

interface SigningKey {
  readonly day: string;
  readonly secret: string;
  readonly key: Buffer;
}

/** What all URLs of a bucket have in common. */
interface Site {
  readonly origin: string;
  readonly host: string;
  /** Up to the object's key, as it is sent. */
  readonly path: string;
}

/** Stands for the object's key in the URL that tells what all of them have in common. */
const ANY = "any";

/**
 * Signs URLs for GET (AWS Signature Version 4, "Authenticating requests: using query parameters"). The SDK does that too, at
 * 3 ms of computing for each, which is more than all the rest of a pull: so it is asked for one URL, which says how this
 * bucket is addressed, and the others are made here in a thirtieth of the time.
 */
export class UrlSigner {
  #site: Promise<Site> | undefined;
  #key: SigningKey | undefined;

  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
  ) {}

  /** @param key with the prefix */
  async sign(key: string, lifetimeSeconds: number, now = new Date()): Promise<string> {
    this.#site ??= this.#findSite();
    const [site, region, credentials] = await Promise.all([
      this.#site,
      this.client.config.region(),
      this.client.config.credentials(),
    ]);
    // 20060102T150405Z
    const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
    const day = time.slice(0, 8);
    const scope = `${day}/${region}/s3/aws4_request`;
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const path = site.path + encodePath(key);
    const parameters: [string, string][] = [
      ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
      ["X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"],
      ["X-Amz-Credential", `${accessKeyId}/${scope}`],
      ["X-Amz-Date", time],
      ["X-Amz-Expires", String(lifetimeSeconds)],
      ...(sessionToken === undefined ? [] : [["X-Amz-Security-Token", sessionToken] satisfies [string, string]]),
      ["X-Amz-SignedHeaders", "host"],
      ["x-id", "GetObject"],
    ];
    const query = parameters.map(([name, value]) => `${name}=${encode(value)}`).join("&");
    const request = `GET\n${path}\n${query}\nhost:${site.host}\n\nhost\nUNSIGNED-PAYLOAD`;
    const hash = createHash("sha256").update(request).digest("hex");
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash}`;
    const signature = hmac(this.#signingKey(day, region, secretAccessKey), toSign).toString("hex");
    return `${site.origin}${path}?${query}&X-Amz-Signature=${signature}`;
  }

  async #findSite(): Promise<Site> {
    let url: URL;
    try {
      url = new URL(await getSignedUrl(this.client, new GetObjectCommand({ Bucket: this.bucket, Key: ANY })));
    } catch (error) {
      // No credentials yet: asked again next time.
      this.#site = undefined;
      throw error;
    }
    return { origin: url.origin, host: url.host, path: url.pathname.slice(0, -ANY.length) };
  }

  /** Holds for a day. */
  #signingKey(day: string, region: string, secret: string): Buffer {
    if (this.#key?.day !== day || this.#key.secret !== secret) {
      const parts = [day, region, "s3", "aws4_request"];
      this.#key = { day, secret, key: parts.reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`)) };
    }
    return this.#key.key;
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** RFC 3986: everything but the unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function encodePath(key: string): string {
  return key.split("/").map(encode).join("/");
}
