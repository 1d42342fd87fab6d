import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";

import { registryLogger } from "../../../../registry/observability/logger.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { MirrorRig } from "./support/mirror-rig.js";

const TAG = "/v2/up/team/app/manifests/v1";
const PASSWORD = "password-of-the-upstream";
/** As a store signs it: whoever reads it may fetch the blob. */
const SIGNED = "X-Amz-Signature=signed-for-the-bearer";
const FORGED = '{"level":60,"msg":"forged"}';

type Behaviour = (request: IncomingMessage, response: ServerResponse) => boolean;

describe("the log of a mirror", () => {
  let rig: MirrorRig;
  let text: string;

  beforeEach(async () => {
    text = "";
    const output = new PassThrough();
    output.on("data", (chunk: Buffer) => (text += chunk.toString()));
    rig = await MirrorRig.start({
      upstream: { username: "me", password: PASSWORD },
      registry: { log: registryLogger("trace", output) },
    });
  });

  afterEach(async () => {
    await rig.stop();
  });

  const redirected: Behaviour = ({ url = "" }, response) => {
    if (url.includes(SIGNED)) response.writeHead(500).end(FORGED);
    else response.writeHead(307, { location: `/elsewhere?${SIGNED}` }).end();
    return true;
  };
  const lying: Behaviour = ({ url = "" }, response) => {
    if (!url.includes(SIGNED)) return redirected({ url } as IncomingMessage, response);
    response.end(`\n${FORGED}\n`);
    return true;
  };
  const asking: Behaviour = ({ url = "", headers }, response) => {
    if (url.startsWith("/token")) {
      assert.ok(headers.authorization?.startsWith("Basic "));
      response.end(JSON.stringify({ token: "token-of-the-upstream" }));
    } else if (headers.authorization?.startsWith("Bearer ") === true) {
      response.writeHead(500, { "content-type": "application/json" });
      response.end(JSON.stringify({ errors: [{ code: "UNKNOWN", message: `\n${FORGED}\n\u001b[31m` }] }));
    } else {
      const realm = `http://${rig.upstream.address}/token`;
      response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="s"` }).end();
    }
    return true;
  };
  const cutOff: Behaviour = ({ url = "" }, response) => {
    if (!url.includes(SIGNED)) return redirected({ url } as IncomingMessage, response);
    response.destroy();
    return true;
  };

  for (const [what, behaviour] of Object.entries({ redirected, lying, asking, cutOff })) {
    it(`has neither secrets nor lines of an upstream's (${what})`, async () => {
      rig.upstream.script = behaviour;
      for (const path of [TAG, rig.layerPath]) {
        const answer = await rig.mirror.fetch("GET", path);
        // Wrong bytes are known when the last has come: such an answer never comes to its end.
        const whole = await answer.text().catch(() => undefined);
        assert.ok(answer.status >= 500 || whole === undefined, String(answer.status));
        assert.doesNotMatch(whole ?? "", /forged|signed-for|of-the-upstream/);
      }
      await waitUntil("it is told of", () => text.includes('"upstream":"up"'));
      assert.doesNotMatch(text, /signed-for-the-bearer|password-of-the-upstream|token-of-the-upstream/);
      assert.doesNotMatch(text, /bWU6cGFzc3dvcmQ/, "Basic credentials");
      for (const line of text.split("\n").filter(Boolean)) {
        assert.notEqual((JSON.parse(line) as { msg?: string }).msg, "forged");
      }
      // Nothing that a terminal would obey.
      assert.doesNotMatch(text, /[^\P{Cc}\n]/u);
    });
  }
});
