import { accessSync, constants } from "node:fs";

interface Missing {
  readonly title: string;
  readonly reason: string;
}

const missing: Missing[] = [];

/** Suites that this machine could not run, for the reporter. */
export function missingCapabilities(): readonly Missing[] {
  return missing;
}

/**
 * `describe`, for a suite that needs something of the machine. Where that is absent the suite is reported by name at the end of
 * the run; in CI, which has everything that berth's set-up installs, its absence is a failure.
 */
export function describeWith(needs: readonly Capability[], title: string, body: (this: Mocha.Suite) => void): void {
  const absent = needs.filter((need) => !need.present());
  if (absent.length === 0) {
    describe(title, body);
    return;
  }
  const reason = `without ${absent.map((need) => need.name).join(", ")}`;
  missing.push({ title, reason });
  if (process.env["CI"]) {
    it(`${title} can run in CI`, () => {
      throw new Error(`this machine is ${reason}`);
    });
  }
}

export interface Capability {
  readonly name: string;
  present(): boolean;
}

/** A program from Debian, by its path. */
export function program(path: string): Capability {
  return { name: path, present: () => isExecutable(path) };
}

export const asRoot: Capability = { name: "root", present: () => process.getuid?.() === 0 };

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
