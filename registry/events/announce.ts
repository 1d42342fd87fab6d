import { randomUUID } from "node:crypto";

import { callerOf } from "../http/caller.js";
import { clientAddressOf } from "../http/client-address.js";
import { requestIdOf } from "../http/request-id.js";
import type { RegistryRequest } from "../http/request.js";
import type { EventAction, EventTarget } from "./event.js";
import type { EventFeed } from "./event-feed.js";

/** What a client says of itself is cut: it goes into events. */
const LONGEST_TEXT = 256;

/**
 * Tells what a request has done. To be awaited before the answer is sent when the event must not be lost with the process
 * (push, delete, mount); a pull's need not be.
 */
export async function announce(
  ctx: RegistryRequest,
  events: EventFeed,
  action: EventAction,
  target: EventTarget,
): Promise<void> {
  if (!events.hears(action)) return;
  const { user } = callerOf(ctx);
  await events.emit({
    id: randomUUID(),
    at: Date.now(),
    action,
    target,
    ...(user !== "" && { actor: user }),
    request: {
      id: requestIdOf(ctx),
      address: clientAddressOf(ctx),
      host: ctx.get("Host").slice(0, LONGEST_TEXT),
      method: ctx.method,
      userAgent: ctx.get("User-Agent").slice(0, LONGEST_TEXT),
    },
  });
}
