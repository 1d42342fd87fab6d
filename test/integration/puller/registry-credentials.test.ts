import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";

import { parseReference } from "../../../oci/reference.js";
import type { Credentials } from "../../../puller/client/index.js";
import { pullImage } from "../../../puller/pull/pull-image.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { smallImage, type SmallImage } from "../../helpers/small-image.js";
import { StateRoot } from "../../helpers/state-root.js";

const SECRET: Credentials = { username: "me", password: "s3cret" };
const BASIC = `Basic ${Buffer.from("me:s3cret").toString("base64")}`;

describe("credentials towards a registry", () => {
  let registry: ScriptedRegistry;
  let other: ScriptedRegistry;
  let state: StateRoot;
  let image: SmallImage;

  before(async () => {
    image = await smallImage([[{ name: "a", content: "1" }], [{ name: "b", content: "2" }]]);
  });
  beforeEach(async () => {
    state = new StateRoot();
    registry = await new ScriptedRegistry().start();
    other = await new ScriptedRegistry().start();
    registry.image = other.image = image;
  });
  afterEach(async () => {
    await registry.stop();
    await other.stop();
    await state.remove();
  });

  const pull = (credentials?: Credentials, limits = {}): Promise<unknown> =>
    pullImage(state.root, parseReference(`${registry.address}/team/app:1`), {
      client: { ...(credentials && { credentials }), limits: { attempts: 1, ...limits } },
    });

  /** A token endpoint at `tokens` that gives `lifetime` seconds, and a registry that wants its tokens. */
  const demandTokens = (tokens: ScriptedRegistry, lifetime = 300): { asked: IncomingMessage[]; scopes: string[] } => {
    const asked: IncomingMessage[] = [];
    const scopes: string[] = [];
    tokens.script = (request, response) => {
      const url = new URL(request.url ?? "", "http://x");
      if (url.pathname !== "/token") return false;
      asked.push(request);
      scopes.push(...url.searchParams.getAll("scope"));
      response.end(JSON.stringify({ token: `t${String(asked.length)}`, expires_in: lifetime }));
      return true;
    };
    const before = registry === tokens ? registry.script : (): boolean => false;
    registry.script = (request, response) => {
      if (request.headers.authorization?.startsWith("Bearer t") === true) return false;
      if (request.url?.startsWith("/token") === true) return before(request, response);
      const challenge = `Bearer realm="http://${tokens.address}/token",service="reg"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
      return true;
    };
    return { asked, scopes };
  };

  it("one token is asked for, with the scope and the credentials, and used for everything", async () => {
    const { asked, scopes } = demandTokens(other);
    await pull(SECRET);
    assert.deepEqual(scopes, ["repository:team/app:pull"]);
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.headers.authorization, BASIC);
    const url = new URL(asked[0]?.url ?? "", "http://x");
    assert.deepEqual([url.searchParams.get("service"), url.searchParams.get("account")], ["reg", "me"]);
  });

  it("a token is asked for without credentials when there are none", async () => {
    const { asked } = demandTokens(other);
    await pull();
    assert.equal(asked[0]?.headers.authorization, undefined);
  });

  it("a registry that takes back its token is asked for another", async () => {
    const { asked } = demandTokens(other);
    const { script } = registry;
    let taken = false;
    registry.script = (request, response) => {
      if (request.url?.includes("/blobs/") !== true || taken) return script(request, response);
      taken = true;
      const challenge = `Bearer realm="http://${other.address}/token",service="reg",error="invalid_token"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
      return true;
    };
    await pull(SECRET);
    assert.ok(asked.length >= 2, String(asked.length));
  });

  it("basic credentials are sent only after the registry has asked for them", async () => {
    const seen: (string | undefined)[] = [];
    registry.script = (request, response) => {
      seen.push(request.headers.authorization);
      if (request.headers.authorization === BASIC) return false;
      response.writeHead(401, { "www-authenticate": 'Basic realm="reg"' }).end();
      return true;
    };
    await pull(SECRET);
    assert.equal(seen[0], undefined);
    assert.ok(seen.slice(1).every((header) => header === BASIC));
  });

  it("a redirect to another origin does not take the credentials along", async () => {
    const leaked: (string | undefined)[] = [];
    other.script = (request) => {
      leaked.push(request.headers.authorization);
      return false;
    };
    registry.script = (request, response) => {
      if (request.headers.authorization !== BASIC) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="reg"' }).end();
        return true;
      }
      if (request.url?.includes("/blobs/") !== true) return false;
      response.writeHead(307, { location: `http://${other.address}${request.url}` }).end();
      return true;
    };
    await pull(SECRET);
    assert.deepEqual(leaked, [undefined, undefined, undefined]);
  });

  it("a token endpoint that is no web address gets nothing", async () => {
    registry.script = (_, response) => {
      response.writeHead(401, { "www-authenticate": 'Bearer realm="file:///etc/passwd",service="x"' }).end();
      return true;
    };
    await assert.rejects(pull(SECRET), { code: "UNAUTHORIZED" });
  });

  it("a token endpoint that answers without a token is one clear error", async () => {
    demandTokens(other);
    other.script = (_, response) => {
      response.end('{"token": ""}');
      return true;
    };
    await assert.rejects(pull(SECRET), { code: "UNAUTHORIZED", message: /token endpoint/ });
  });

  it("what a registry says is printed in one line without terminal codes", async () => {
    registry.script = (request, response) => {
      if (request.url === "/v2/") return false;
      const body = { errors: [{ code: "DENIED", message: "no\n\u001b[2Jreally" }] };
      response.writeHead(403).end(request.method === "HEAD" ? undefined : JSON.stringify(body));
      return true;
    };
    await assert.rejects(
      pullImage(state.root, parseReference(`${registry.address}/team/app@${image.manifest}`)),
      (error: Error) => {
        assert.match(error.message, /DENIED: no/);
        assert.doesNotMatch(error.message, /\p{Cc}/u);
        return true;
      },
    );
  });
});
