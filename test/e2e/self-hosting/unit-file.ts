import { readFileSync } from "node:fs";

/** Of a systemd unit what it takes to start it without systemd. */
export class UnitFile {
  readonly #lines: readonly string[];

  /** @param instance stands for %i */
  constructor(file: string, instance: string) {
    this.#lines = readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.replaceAll("%i", instance));
  }

  /** Values of all lines with that key, in order. */
  all(key: string): readonly string[] {
    return this.#lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
  }

  one(key: string): string {
    const [value, ...more] = this.all(key);
    if (value === undefined || more.length > 0) throw new Error(`${key}= is there ${String(more.length + 1)} times`);
    return value;
  }

  /** Bash that becomes the service, as the unit's user and with the unit's environment and nothing else. */
  get script(): string {
    const user = this.one("User");
    const commands = [...this.all("ExecStartPre"), `exec ${this.one("ExecStart")}`];
    return [
      "cd /",
      "set -a",
      ...this.all("Environment"),
      ...this.all("EnvironmentFile").map((file) => `. ${file}`),
      "set +a",
      `umask ${this.one("UMask")}`,
      `exec setpriv --reuid ${user} --regid ${this.one("Group")} --init-groups --no-new-privs --bounding-set=-all ` +
        `bash --norc -euc '${commands.join("\n")}'`,
    ].join("\n");
  }
}
