import type { Command } from "commander";

import { listContainers, type Container } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { parseInteger } from "../container/byte-size.js";
import { containerFilter } from "../container/container-filter.js";
import { containerStatus } from "../container/container-status.js";
import { engineOf } from "../container/engine-of.js";
import { columnTable } from "../output/column-table.js";
import { timeAgo } from "../output/human-units.js";
import { renderListing, type ListingRow } from "../output/listing.js";

interface Flags {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly latest?: boolean;
  readonly last?: string;
  readonly trunc: boolean;
  readonly filter: readonly string[];
  readonly format: string;
}

const COMMAND_LENGTH = 20;
const HEADINGS = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  CreatedAt: "CREATED AT",
  RunningFor: "CREATED",
  State: "STATE",
  Status: "STATUS",
  Ports: "PORTS",
  Names: "NAMES",
  Labels: "LABELS",
  Networks: "NETWORKS",
  Mounts: "MOUNTS",
};
const TABLE = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"] as const;

export function define(command: Command, host: CommandHost): void {
  command
    .option("-a, --all", "also those that do not run")
    .option("-q, --quiet", "only IDs")
    .option("-l, --latest", "only the one created last, whatever its state")
    .option("-n, --last <number>", "only the ones created last, whatever their state")
    .option("--no-trunc", "whole IDs and commands")
    .option(
      "-f, --filter <name=value>",
      "by id, name, status, exited, ancestor, label or network",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option("--format <form>", "table, json, a Go template such as {{.Names}}, or table TEMPLATE", "table")
    .action((flags: Flags) => {
      const matches = containerFilter(flags.filter);
      const wanted = flags.latest ? 1 : parseInteger(flags.last ?? "-1", "--last");
      // Docker's -1 and 0 stand for no limit.
      const last = wanted > 0 ? wanted : undefined;
      const states = flags.filter.some((text) => /^(?:status|exited)=/.test(text));
      const all = flags.all === true || last !== undefined || states;
      const found = listContainers(engineOf(host.context()), { all }).filter(matches).slice(0, last);
      process.stdout.write(render(found, flags));
    });
}

function render(containers: readonly Container[], { quiet, trunc, format }: Flags): string {
  const rows = containers.map((container) => rowOf(container, trunc));
  if (quiet) return rows.map((row) => `${row.ID}\n`).join("");
  if (format !== "table") return renderListing(format, HEADINGS, rows);
  return columnTable(
    TABLE.map((field) => HEADINGS[field]),
    rows.map((row) => TABLE.map((field) => row[field])),
  );
}

function rowOf({ record, state }: Container, trunc: boolean): ListingRow<keyof typeof HEADINGS> {
  return {
    ID: trunc ? record.ID.slice(0, 12) : record.ID,
    Image: record.Config.Image,
    Command: commandOf([record.Path, ...record.Args], trunc),
    CreatedAt: record.Created,
    RunningFor: timeAgo(record.Created),
    State: state.Status,
    Status: containerStatus(state),
    Ports: "",
    Names: record.Name,
    Labels: Object.entries(record.Config.Labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    Networks: record.HostConfig.NetworkMode,
    Mounts: (record.HostConfig.Binds ?? []).map((bind) => bind.split(":")[0]).join(","),
  };
}

/** As Docker shows it: arguments with spaces in quotes, and the whole as a string of JSON, on one line whatever is in it. */
function commandOf(words: readonly string[], trunc: boolean): string {
  const text = words.map((word, at) => (at > 0 && word.includes(" ") ? `'${word}'` : word)).join(" ");
  return JSON.stringify(trunc && text.length > COMMAND_LENGTH ? `${text.slice(0, COMMAND_LENGTH - 1)}…` : text);
}
