import { Option, type Command } from "commander";

import { parseReference, familiarName } from "../../oci/reference.js";
import { openLocalStore, type Image } from "../../puller/index.js";
import type { CommandHost } from "../command.js";
import { columnTable } from "../output/column-table.js";
import { humanSize, timeAgo } from "../output/human-units.js";

interface Options {
  readonly quiet?: boolean;
  readonly trunc: boolean;
  readonly digests?: boolean;
  readonly format: "table" | "json";
}

interface Row {
  readonly image: Image;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const NONE = "<none>";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("[repository]", "only this repository, or this one tag: name[:tag]")
    .option("-a, --all", "accepted for docker's sake: berth has no intermediate images")
    .option("-q, --quiet", "only IDs")
    .option("--digests", "show digests")
    .option("--no-trunc", "whole IDs")
    .addOption(new Option("--format <form>", "how to print").choices(["table", "json"]).default("table"))
    .action((filter: string | undefined, options: Options) => {
      const images = openLocalStore(host.context().root).images.list();
      const rows = images.flatMap((image) => rowsOf(image, options.digests === true)).filter(matching(filter));
      process.stdout.write(render(rows, options));
    });
}

/** One row for each tag; with digests, for each pair of a tag and a digest of its repository. */
function rowsOf(image: Image, digests: boolean): Row[] {
  const digestsOf = new Map<string, string[]>();
  for (const name of image.repoDigests) {
    const [repository = "", digest = ""] = name.split("@");
    digestsOf.set(repository, [...(digestsOf.get(repository) ?? []), digest]);
  }
  const rows = image.repoTags.flatMap((name): Row[] => {
    const colon = name.lastIndexOf(":");
    const repository = name.slice(0, colon);
    const row = { image, repository, tag: name.slice(colon + 1) };
    const found = digestsOf.get(repository) ?? [];
    digestsOf.delete(repository);
    return digests && found.length > 0 ? found.map((digest) => ({ ...row, digest })) : [{ ...row, digest: NONE }];
  });
  // Pulled by digest alone.
  if (image.repoTags.length === 0 || digests) {
    for (const [repository, found] of digestsOf) {
      for (const digest of digests ? found : found.slice(0, 1)) rows.push({ image, repository, tag: NONE, digest });
    }
  }
  return rows.length > 0 ? rows : [{ image, repository: NONE, tag: NONE, digest: NONE }];
}

function matching(filter: string | undefined): (row: Row) => boolean {
  if (filter === undefined) return () => true;
  const reference = parseReference(filter);
  const name = familiarName(reference);
  const tagged = filter.lastIndexOf(":") > filter.lastIndexOf("/");
  return ({ repository, tag }) => repository === name && (!tagged || tag === reference.tag);
}

function render(rows: readonly Row[], { quiet, trunc, digests, format }: Options): string {
  const idOf = ({ image }: Row): string => (trunc ? image.id.slice(7, 19) : image.id);
  if (quiet === true) return [...new Set(rows.map(idOf))].map((id) => `${id}\n`).join("");
  if (format === "json") {
    const lines = rows.map((row) => ({
      Repository: row.repository,
      Tag: row.tag,
      Digest: row.digest,
      ID: idOf(row),
      CreatedAt: row.image.config.created ?? "",
      CreatedSince: timeAgo(row.image.config.created),
      Size: humanSize(row.image.size, 3),
    }));
    return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  }
  const header = ["REPOSITORY", "TAG", ...(digests === true ? ["DIGEST"] : []), "IMAGE ID", "CREATED", "SIZE"];
  const cells = rows.map((row) => [
    row.repository,
    row.tag,
    ...(digests === true ? [row.digest] : []),
    idOf(row),
    timeAgo(row.image.config.created),
    humanSize(row.image.size, 3),
  ]);
  return columnTable(header, cells);
}
