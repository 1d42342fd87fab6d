import type { Command } from "commander";

import { openLocalStore, type Image } from "../../puller/index.js";
import type { CommandHost } from "../command.js";
import { columnTable } from "../output/column-table.js";
import { humanSize, timeAgo } from "../output/human-units.js";
import { renderListing, type ListingRow } from "../output/listing.js";
import { imageFilter, nameFilter, NONE, type ImageRow } from "../image/image-filter.js";

interface Options {
  readonly quiet?: boolean;
  readonly trunc: boolean;
  readonly digests?: boolean;
  readonly format: string;
  readonly filter: readonly string[];
}

const HEADINGS = {
  Repository: "REPOSITORY",
  Tag: "TAG",
  Digest: "DIGEST",
  ID: "IMAGE ID",
  CreatedAt: "CREATED AT",
  CreatedSince: "CREATED",
  Size: "SIZE",
};
const TABLE = ["Repository", "Tag", "ID", "CreatedSince", "Size"] as const;
const TABLE_WITH_DIGESTS = ["Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"] as const;

export function define(command: Command, host: CommandHost): void {
  command
    .argument("[repository]", "only this repository, or this one tag: name[:tag]; * and ? stand for others")
    .option("-a, --all", "accepted for docker's sake: berth has no intermediate images")
    .option("-q, --quiet", "only IDs")
    .option("--digests", "show digests")
    .option("--no-trunc", "whole IDs")
    .option(
      "-f, --filter <name=value>",
      "by dangling, reference, label, before or since",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option("--format <form>", "table, json, a Go template such as {{.Repository}}, or table TEMPLATE", "table")
    .action((name: string | undefined, options: Options) => {
      const { images } = openLocalStore(host.context().root);
      const wanted = imageFilter(options.filter, (text) => images.find(text));
      const named = name === undefined ? () => true : nameFilter(name);
      const rows = images.list().flatMap((image) => rowsOf(image, options.digests === true));
      process.stdout.write(render(rows.filter(wanted).filter(named), options));
    });
}

/** One row for each tag; with digests, for each pair of a tag and a digest of its repository. */
function rowsOf(image: Image, digests: boolean): ImageRow[] {
  const digestsOf = new Map<string, string[]>();
  for (const name of image.repoDigests) {
    const [repository = "", digest = ""] = name.split("@");
    digestsOf.set(repository, [...(digestsOf.get(repository) ?? []), digest]);
  }
  const rows = image.repoTags.flatMap((name): ImageRow[] => {
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

function render(rows: readonly ImageRow[], { quiet, trunc, digests, format }: Options): string {
  const listed = rows.map((row) => listingRow(row, trunc));
  if (quiet === true) return [...new Set(listed.map(({ ID }) => ID))].map((id) => `${id}\n`).join("");
  if (format !== "table") return renderListing(format, HEADINGS, listed);
  const fields = digests === true ? TABLE_WITH_DIGESTS : TABLE;
  return columnTable(
    fields.map((field) => HEADINGS[field]),
    listed.map((row) => fields.map((field) => row[field])),
  );
}

function listingRow({ image, repository, tag, digest }: ImageRow, trunc: boolean): ListingRow<keyof typeof HEADINGS> {
  return {
    Repository: repository,
    Tag: tag,
    Digest: digest,
    ID: trunc ? image.id.slice(7, 19) : image.id,
    CreatedAt: image.config.created ?? "",
    CreatedSince: timeAgo(image.config.created),
    Size: humanSize(image.size, 3),
  };
}
