import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { AuthSettings } from "../../../../registry/config/auth-section.js";
import {
  startRegistry,
  type RegistryOptions,
  type ReloadableSettings,
  type RunningRegistry,
} from "../../../../registry/index.js";
import { OpenApiRecorder } from "./openapi-recorder.js";

/** A registry on loopback with a directory of its own, all of whose answers are held against openapi.yaml. */
export class TestRegistry {
  private constructor(
    readonly directory: string,
    readonly recorder: OpenApiRecorder,
    private running: RunningRegistry,
    private readonly options: Partial<RegistryOptions>,
  ) {}

  static async start(options: Partial<RegistryOptions> = {}): Promise<TestRegistry> {
    const directory = mkdtempSync(join(tmpdir(), "berth-registry-"));
    const recorder = new OpenApiRecorder();
    const all = { root: directory, observe: recorder.observe, drainTimeoutMs: 1000, ...options };
    return new TestRegistry(directory, recorder, await startRegistry(all), all);
  }

  get url(): string {
    return this.running.url;
  }

  /** Another server on the same directory, as after a restart. */
  async restart(): Promise<void> {
    await this.running.close();
    this.running = await startRegistry(this.options);
  }

  /** See RunningRegistry. */
  async reload(auth: AuthSettings | undefined, settings: Omit<ReloadableSettings, "auth"> = {}): Promise<void> {
    await this.running.reload({ auth, ...settings });
  }

  /** See RunningRegistry. */
  drain(): void {
    this.running.drain();
  }

  /** See RunningRegistry. */
  get metricsUrl(): string {
    return this.running.metricsUrl ?? assert.fail("it serves no metrics");
  }

  /** `path` begins with `/v2/`, or is a Location that the registry gave. */
  async fetch(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(new URL(path, this.url), { method, ...init });
  }

  /** @throws AssertionError unless the answer has the status */
  async expect(status: number, method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await this.fetch(method, path, init);
    if (answer.status !== status) {
      const text = (await answer.text()).slice(0, 500);
      assert.fail(`${method} ${path}: ${String(answer.status)} instead of ${String(status)}: ${text}`);
    }
    return answer;
  }

  /** Also checks the error's code. */
  async expectError(
    status: number,
    code: string,
    method: string,
    path: string,
    init: RequestInit = {},
  ): Promise<Response> {
    const answer = await this.expect(status, method, path, init);
    const { errors } = (await answer.json()) as { errors: { code: string }[] };
    assert.deepEqual(
      errors.map((error) => error.code),
      [code],
    );
    return answer;
  }

  /** Files on disk below a part of the store. */
  files(below: string): string[] {
    try {
      return readdirSync(join(this.options.root ?? this.directory, below), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name);
    } catch {
      return [];
    }
  }

  async stop(): Promise<void> {
    await this.running.close();
    rmSync(this.directory, { recursive: true, force: true });
    assert.deepEqual(this.recorder.problems, []);
  }
}
