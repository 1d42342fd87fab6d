import { BerthError } from "../../oci/errors.js";
import type { Container } from "../../engine/index.js";

type Matches = (container: Container, value: string) => boolean;

const STATUSES = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

const FILTERS: Readonly<Record<string, Matches>> = {
  id: ({ record }, value) => record.ID.startsWith(value),
  name: ({ record }, value) => namePattern(value).test(record.Name),
  status: ({ state }, value) => state.Status === value,
  exited: ({ state }, value) => state.Status === "exited" && String(state.ExitCode) === value,
  ancestor: ({ record }, value) =>
    record.Config.Image === value ||
    record.Config.Image === `${value}:latest` ||
    record.Image.replace("sha256:", "").startsWith(value.replace("sha256:", "")),
  label: ({ record }, value) => {
    const equals = value.indexOf("=");
    const held = record.Config.Labels[equals < 0 ? value : value.slice(0, equals)];
    return equals < 0 ? held !== undefined : held === value.slice(equals + 1);
  },
  network: ({ record }, value) => record.HostConfig.NetworkMode === value,
};

/** `--filter NAME=VALUE`s: those of one name are alternatives, but for labels; different names must all match. @throws BerthError USAGE */
export function containerFilter(texts: readonly string[]): (container: Container) => boolean {
  const wanted = new Map<string, string[]>();
  for (const text of texts) {
    const equals = text.indexOf("=");
    const name = text.slice(0, Math.max(equals, 0));
    if (!Object.hasOwn(FILTERS, name)) {
      throw new BerthError(
        "USAGE",
        `invalid --filter ${JSON.stringify(text)}: filter by ${Object.keys(FILTERS).join(", ")}`,
      );
    }
    wanted.set(name, [...(wanted.get(name) ?? []), text.slice(equals + 1)]);
  }
  wanted.get("name")?.forEach(namePattern);
  const unknown = wanted.get("status")?.find((status) => !STATUSES.includes(status));
  if (unknown !== undefined) {
    throw new BerthError("USAGE", `invalid --filter status=${unknown}: it is one of ${STATUSES.join(", ")}`);
  }
  return (container) =>
    [...wanted].every(([name, values]) => {
      const matches = (value: string): boolean => FILTERS[name]?.(container, value) === true;
      return name === "label" ? values.every(matches) : values.some(matches);
    });
}

/** Docker's names begin with a slash, which people leave out. @throws BerthError USAGE */
function namePattern(text: string): RegExp {
  try {
    return new RegExp(text.replace(/^\/|(?<=^\^)\//, ""));
  } catch (cause) {
    throw new BerthError("USAGE", `invalid --filter name=${text}: it is not a regular expression`, { cause });
  }
}
