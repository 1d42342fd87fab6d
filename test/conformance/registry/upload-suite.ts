import assert from "node:assert/strict";

import type { DigestAlgorithm } from "../../../oci/digest.js";
import { bytesOf, contentOf, randomContent, type Content } from "../../integration/registry/support/content.js";
import type { TestRegistry } from "../../integration/registry/support/test-registry.js";

const [NAME, OTHER] = ["conformance/repo1", "conformance/repo2"];
const CHUNK = 1024;

/** Every way to push a blob, under each algorithm, in the manner of the specification's own suite. */
export function uploadSuite(start: () => Promise<TestRegistry>, algorithm: DigestAlgorithm): void {
  let registry: TestRegistry;

  before(async () => {
    registry = await start();
  });

  after(async () => {
    await registry.stop();
  });

  const begin = async (query = "", name = NAME): Promise<URL> => {
    const begun = await registry.expect(202, "POST", `/v2/${name}/blobs/uploads/${query}`);
    return placeOf(begun);
  };

  /** Clients resolve a Location and write their parameters into it with a parser of their own. */
  const placeOf = (answer: Response): URL =>
    new URL(answer.headers.get("Location") ?? assert.fail("no Location"), registry.url);

  const closing = (place: URL, { digest }: Content): string => {
    const url = new URL(place);
    url.searchParams.set("digest", digest);
    return url.href;
  };

  const isThere = async (created: Response, { digest, bytes }: Content): Promise<void> => {
    assert.equal(created.headers.get("Docker-Content-Digest"), digest);
    const url = placeOf(created).href;
    const head = await registry.expect(200, "HEAD", url);
    assert.equal(head.headers.get("Content-Length"), String(bytes.length));
    const answer = await registry.expect(200, "GET", url);
    assert.equal(answer.headers.get("Docker-Content-Digest"), digest);
    assert.deepEqual(await bytesOf(answer), bytes);
    await registry.expect(202, "DELETE", url);
    await registry.expect(404, "HEAD", url);
  };

  const postOnly = async (blob: Content, status = 201, name = NAME): Promise<Response> =>
    await registry.expect(status, "POST", `/v2/${name}/blobs/uploads/?digest=${blob.digest}`, octets(blob.bytes));

  const postPut = async (blob: Content, status = 201): Promise<Response> =>
    await registry.expect(status, "PUT", closing(await begin(), blob), octets(blob.bytes));

  /** Three chunks; with `disordered` each one only after another was refused and the place asked for again. */
  const chunked = async (
    blob: Content,
    { putLast = false, disordered = false, status = 201 } = {},
  ): Promise<Response> => {
    const { bytes } = blob;
    let place = await begin();
    const send = async (at: number, expected: number): Promise<Response> => {
      const end = Math.min(at + CHUNK, bytes.length);
      const last = putLast && end === bytes.length;
      const range = `${String(at)}-${String(end - 1)}`;
      return await registry.expect(
        expected || (last ? status : 202),
        last ? "PUT" : "PATCH",
        last ? closing(place, blob) : place.href,
        octets(bytes.subarray(at, end), { "Content-Range": range }),
      );
    };
    let answer: Response | undefined;
    for (let at = 0; at < bytes.length; at += CHUNK) {
      if (disordered) {
        await send(at + CHUNK < bytes.length ? at + CHUNK : 0, 416);
        const found = await registry.expect(204, "GET", place.href);
        assert.equal(found.headers.get("Range"), `0-${String(Math.max(0, at - 1))}`);
        place = placeOf(found);
      }
      answer = await send(at, 0);
      if (answer.status === 202) place = placeOf(answer);
    }
    if (putLast && answer !== undefined) return answer;
    return await registry.expect(status, "PUT", closing(place, blob), octets(Buffer.alloc(0)));
  };

  const streamed = async (blob: Content, status = 201): Promise<Response> => {
    const body = new Blob([new Uint8Array(blob.bytes)]).stream();
    const place = await begin();
    const patched = await registry.expect(202, "PATCH", place.href, { body, duplex: "half" });
    return await registry.expect(status, "PUT", closing(placeOf(patched), blob), octets(Buffer.alloc(0)));
  };

  const make = (size = 3 * CHUNK - 5): Content => randomContent(size, algorithm);

  it("does not know a blob that was never pushed", async () => {
    await registry.expectError(404, "BLOB_UNKNOWN", "GET", `/v2/${NAME}/blobs/${make().digest}`);
    await registry.expect(404, "HEAD", `/v2/${NAME}/blobs/${make().digest}`);
  });

  const ways: Readonly<Record<string, (blob: Content) => Promise<Response>>> = {
    "one POST": postOnly,
    "POST and PUT": postPut,
    chunks: async (blob) => await chunked(blob),
    "chunks, the last by PUT": async (blob) => await chunked(blob, { putLast: true }),
    "chunks out of order": async (blob) => await chunked(blob, { disordered: true }),
    "chunks out of order, the last by PUT": async (blob) => await chunked(blob, { disordered: true, putLast: true }),
    "a stream": streamed,
  };
  for (const [way, push] of Object.entries(ways)) {
    it(`takes a blob by ${way}; also the empty one and {}`, async () => {
      const blobs = [make()];
      // Of one chunk, and of none.
      if (!way.includes("out of order")) blobs.push(make(512), contentOf("{}", algorithm), contentOf("", algorithm));
      for (const blob of blobs) await isThere(await push(blob), blob);
    });
  }

  const corrupt = (): Content => {
    const blob = make();
    return { ...blob, bytes: Buffer.concat([blob.bytes, Buffer.from("oh no")]) };
  };
  const badWays: Readonly<Record<string, (blob: Content) => Promise<Response>>> = {
    "one POST": async (blob) => await postOnly(blob, 400),
    "POST and PUT": async (blob) => await postPut(blob, 400),
    chunks: async (blob) => await chunked(blob, { status: 400 }),
    "chunks, the last by PUT": async (blob) => await chunked(blob, { status: 400, putLast: true }),
    "a stream": async (blob) => await streamed(blob, 400),
  };
  for (const [way, push] of Object.entries(badWays)) {
    it(`refuses with 400 what comes by ${way} and does not have the digest`, async () => {
      const blob = corrupt();
      await push(blob);
      await registry.expect(404, "HEAD", `/v2/${NAME}/blobs/${blob.digest}`);
    });
  }

  it("mounts from a named repository and from any, and begins an upload where there is nothing to mount", async () => {
    const blob = make(512);
    for (const from of [`&from=${encodeURIComponent(OTHER)}`, ""]) {
      await postOnly(blob, 201, OTHER);
      const query = `?mount=${encodeURIComponent(blob.digest)}${from}`;
      await isThere(await registry.expect(201, "POST", `/v2/${NAME}/blobs/uploads/${query}`), blob);
    }
    await registry.expect(202, "DELETE", `/v2/${OTHER}/blobs/${blob.digest}`);
    const missing = make(512);
    const place = await begin(`?mount=${missing.digest}&from=${OTHER}`);
    await isThere(await registry.expect(201, "PUT", closing(place, missing), octets(missing.bytes)), missing);
  });

  it("forgets a cancelled upload", async () => {
    const place = await begin();
    await registry.expect(202, "PATCH", place.href, octets(make().bytes));
    await registry.expect(204, "DELETE", place.href);
    for (const method of ["GET", "PATCH", "DELETE"]) {
      await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", method, place.href);
    }
  });

  it("says on the first request how small a chunk may be, and takes the hint of the algorithm", async () => {
    const begun = await registry.expect(202, "POST", `/v2/${NAME}/blobs/uploads/?digest-algorithm=${algorithm}`);
    assert.match(begun.headers.get("OCI-Chunk-Min-Length") ?? "", /^\d+$/);
    const blob = make();
    await registry.expect(202, "PATCH", placeOf(begun).href, octets(blob.bytes));
    await isThere(await registry.expect(201, "PUT", closing(placeOf(begun), blob)), blob);
    await registry.expectError(400, "DIGEST_INVALID", "POST", `/v2/${NAME}/blobs/uploads/?digest-algorithm=md5`);
  });

  it("serves parts, and refuses what lies outside", async () => {
    const blob = make(2048);
    const url = placeOf(await postOnly(blob)).href;
    const parts: [range: string, from: number, to: number][] = [
      ["500-1499", 500, 1499],
      ["500-", 500, 2047],
      ["-500", 1548, 2047],
      ["2000-5000", 2000, 2047],
    ];
    for (const [range, from, to] of parts) {
      const answer = await registry.expect(206, "GET", url, { headers: { Range: `bytes=${range}` } });
      assert.equal(answer.headers.get("Content-Range"), `bytes ${String(from)}-${String(to)}/2048`);
      assert.equal(answer.headers.get("Content-Length"), String(to - from + 1));
      assert.deepEqual(await bytesOf(answer), blob.bytes.subarray(from, to + 1));
    }
    for (const range of ["500-0", "5000-10000"]) {
      await registry.expect(416, "GET", url, { headers: { Range: `bytes=${range}` } });
    }
  });
}

function octets(bytes: Buffer, headers: Readonly<Record<string, string>> = {}): RequestInit {
  return { body: new Uint8Array(bytes), headers: { "Content-Type": "application/octet-stream", ...headers } };
}
