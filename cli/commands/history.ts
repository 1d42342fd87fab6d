import type { Command } from "commander";

import { imageHistory, openLocalStore, type HistoryLine } from "../../puller/index.js";
import type { CommandHost } from "../command.js";
import { columnTable } from "../output/column-table.js";
import { humanSize, timeAgo } from "../output/human-units.js";
import { renderListing } from "../output/listing.js";

interface Options {
  readonly quiet?: boolean;
  readonly trunc: boolean;
  readonly human: boolean;
  readonly format: string;
}

const HEADINGS = {
  ID: "IMAGE",
  CreatedAt: "CREATED AT",
  CreatedSince: "CREATED",
  CreatedBy: "CREATED BY",
  Size: "SIZE",
  Comment: "COMMENT",
};
const TABLE = ["ID", "CreatedSince", "CreatedBy", "Size", "Comment"] as const;
const COMMAND_WIDTH = 45;

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<image>", "name or ID")
    .option("-q, --quiet", "only IDs")
    .option("--no-trunc", "whole IDs and commands")
    .option("--no-human", "sizes in bytes and times as they are")
    .option("--format <form>", "table, json, a Go template such as {{.CreatedBy}}, or table TEMPLATE", "table")
    .action((name: string, options: Options) => {
      const store = openLocalStore(host.context().root);
      process.stdout.write(render(imageHistory(store, store.images.find(name)), options));
    });
}

function render(lines: readonly HistoryLine[], { quiet, trunc, human, format }: Options): string {
  const idOf = ({ id }: HistoryLine): string => (trunc ? id.replace(/^sha256:(.{12}).*$/, "$1") : id);
  if (quiet === true) return lines.map((line) => `${idOf(line)}\n`).join("");
  const rows = lines.map((line) => ({
    ID: idOf(line),
    CreatedAt: line.created ?? "",
    CreatedSince: human ? timeAgo(line.created) : (line.created ?? "N/A"),
    CreatedBy: commandOf(line, trunc),
    Size: human ? humanSize(line.size, 3) : String(line.size),
    Comment: oneLine(line.comment),
  }));
  if (format !== "table") return renderListing(format, HEADINGS, rows);
  return columnTable(
    TABLE.map((field) => HEADINGS[field]),
    rows.map((row) => TABLE.map((field) => row[field])),
  );
}

function commandOf({ createdBy }: HistoryLine, trunc: boolean): string {
  const text = oneLine(createdBy);
  return trunc && text.length > COMMAND_WIDTH ? `${text.slice(0, COMMAND_WIDTH - 1)}…` : text;
}

/** Without what a terminal would obey: the text is the image's. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}
