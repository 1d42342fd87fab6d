import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as v from "valibot";

import { authSection, type AuthSettings } from "../../../../../registry/config/auth-section.js";
import type { RegistryOptions } from "../../../../../registry/index.js";
import { TestRegistry } from "../../support/test-registry.js";

/** Passwords are the name and `-password`; of the least cost, and of each kind that berth takes. */
export const HTPASSWD = [
  "alice:$2y$04$So67Ywg6vNhp/P/R9jXREerccTS6Cyh/BupBmrYX3x0CLbP83xzjm",
  "bob:$2b$04$w63XFzUA67hKsTPR80adrOfedv.s7SIt3fBhc9SIVpMZlSVpqoXX6",
  "carol:$2a$04$D3P.MCVCtW6jfl5k54DRBeUCxLg81IDTDoo1L6PAXfQTANjqVG8Vu",
  "",
].join("\n");

/** alice may do everything, bob pull from team, carol work below her name, and everybody pull what is public. */
export const RULES = [
  { users: ["alice"], actions: ["pull", "push", "delete", "catalog"] },
  { repositories: ["team/**"], groups: ["readers"], actions: ["pull", "catalog"] },
  { repositories: ["users/${user}/**"], users: ["*"], actions: ["pull", "push", "delete"] },
  { repositories: ["public/**"], anonymous: true, actions: ["pull"] },
];

export interface TokenAnswer {
  readonly token: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly issued_at: string;
  readonly refresh_token?: string;
}

export class GuardedRegistry {
  private constructor(
    /** Holds the htpasswd file and the keys. */
    readonly directory: string,
    readonly registry: TestRegistry,
  ) {}

  static async start(auth: object = {}, options: Partial<RegistryOptions> = {}): Promise<GuardedRegistry> {
    const directory = mkdtempSync(join(tmpdir(), "berth-auth-"));
    writeFileSync(join(directory, "htpasswd"), HTPASSWD);
    try {
      const registry = await TestRegistry.start({ auth: settingsIn(directory, auth), ...options });
      return new GuardedRegistry(directory, registry);
    } catch (error) {
      rmSync(directory, { recursive: true });
      throw error;
    }
  }

  async token(user: string | undefined, ...scopes: string[]): Promise<string> {
    return (await this.tokenAnswer(user, scopes)).token;
  }

  async tokenAnswer(user: string | undefined, scopes: readonly string[], more = ""): Promise<TokenAnswer> {
    const query = scopes.map((scope) => `&scope=${encodeURIComponent(scope)}`).join("");
    const init = user === undefined ? {} : { headers: { Authorization: basic(user) } };
    const answer = await this.registry.expect(200, "GET", `/token?service=berth${query}${more}`, init);
    return (await answer.json()) as TokenAnswer;
  }

  async stop(): Promise<void> {
    try {
      await this.registry.stop();
    } finally {
      rmSync(this.directory, { recursive: true });
    }
  }
}

export function settingsIn(directory: string, auth: object = {}): AuthSettings {
  const settings = v.parse(authSection, {
    htpasswd: join(directory, "htpasswd"),
    keys: { directory: join(directory, "keys") },
    groups: { readers: ["bob"] },
    access: RULES,
    ...auth,
  });
  assert.ok(settings !== undefined);
  return settings;
}

export function basic(user: string, password = `${user}-password`): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

export function as(user: string): { headers: { Authorization: string } } {
  return { headers: { Authorization: basic(user) } };
}

export function bearer(token: string): { headers: { Authorization: string } } {
  return { headers: { Authorization: `Bearer ${token}` } };
}

/** What a token says, unchecked. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}
