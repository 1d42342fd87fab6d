import { BerthError } from "../../oci/errors.js";
import { familiarName, parseReference } from "../../oci/reference.js";
import type { Image } from "../../puller/index.js";
import { parseGoBoolean } from "../go-boolean.js";

/** A line of `images`: one name of an image. */
export interface ImageRow {
  readonly image: Image;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/** Stands for a name, tag or digest that an image has not. */
export const NONE = "<none>";

type Matches = (row: ImageRow) => boolean;
type FindImage = (name: string) => Image;

const FILTERS: Readonly<Record<string, (value: string, find: FindImage) => Matches>> = {
  dangling: (value) => {
    const wanted = parseGoBoolean(value);
    if (wanted === undefined) throw new BerthError("USAGE", "--filter dangling is true or false");
    return ({ image }) => (image.repoTags.length + image.repoDigests.length === 0) === wanted;
  },
  reference: (value) => nameFilter(value),
  label: (value) => {
    const [name = "", ...rest] = value.split("=");
    return ({ image }) => {
      const held = image.config.config?.Labels?.[name];
      return rest.length === 0 ? held !== undefined : held === rest.join("=");
    };
  },
  before: (value, find) => {
    const limit = createdAt(find(value));
    return ({ image }) => createdAt(image) < limit;
  },
  since: (value, find) => {
    const limit = createdAt(find(value));
    return ({ image }) => createdAt(image) > limit;
  },
};

/** `--filter NAME=VALUE`s: those of `reference` are alternatives, all others must match. @throws BerthError USAGE, IMAGE_UNKNOWN */
export function imageFilter(texts: readonly string[], find: FindImage): Matches {
  const references: Matches[] = [];
  const others: Matches[] = [];
  for (const text of texts) {
    const equals = text.indexOf("=");
    const name = text.slice(0, Math.max(equals, 0));
    const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
    if (filter === undefined) {
      const known = Object.keys(FILTERS).join(", ");
      throw new BerthError("USAGE", `invalid --filter ${JSON.stringify(text)}: filter by ${known}`);
    }
    (name === "reference" ? references : others).push(filter(text.slice(equals + 1), find));
  }
  return (row) =>
    others.every((matches) => matches(row)) && (references.length === 0 || references.some((matches) => matches(row)));
}

/** `name[:tag]`, in which `*` and `?` stand for anything but a slash. @throws BerthError REFERENCE_INVALID */
export function nameFilter(text: string): Matches {
  if (/[*?]/.test(text)) {
    const escaped = text.replace(/[.+^${}()|[\]\\]/g, "\\$&");
    const pattern = new RegExp(`^${escaped.replaceAll("*", "[^/]*").replaceAll("?", "[^/]")}$`);
    return ({ repository, tag }) => pattern.test(repository) || pattern.test(`${repository}:${tag}`);
  }
  const reference = parseReference(text);
  const name = familiarName(reference);
  const tagged = text.lastIndexOf(":") > text.lastIndexOf("/");
  return ({ repository, tag }) => repository === name && (!tagged || tag === reference.tag);
}

function createdAt(image: Image): number {
  return Date.parse(image.config.created ?? "") || 0;
}
