import { Option, type Command } from "commander";

import { listContainers, type Container } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { parseInteger } from "../container/byte-size.js";
import { containerFilter } from "../container/container-filter.js";
import { containerStatus } from "../container/container-status.js";
import { engineOf } from "../container/engine-of.js";
import { columnTable } from "../output/column-table.js";
import { timeAgo } from "../output/human-units.js";

interface Flags {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly latest?: boolean;
  readonly last?: string;
  readonly trunc: boolean;
  readonly filter: readonly string[];
  readonly format: "table" | "json";
}

const COMMAND_LENGTH = 20;
const HEADER = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];

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
    .addOption(new Option("--format <form>", "how to print").choices(["table", "json"]).default("table"))
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
  const idOf = ({ record }: Container): string => (trunc ? record.ID.slice(0, 12) : record.ID);
  if (quiet) return containers.map((container) => `${idOf(container)}\n`).join("");
  if (format === "json") {
    return containers.map((container) => `${JSON.stringify(jsonRow(container, idOf(container), trunc))}\n`).join("");
  }
  const rows = containers.map((container) => [
    idOf(container),
    container.record.Config.Image,
    commandOf(container, trunc),
    timeAgo(container.record.Created),
    containerStatus(container.state),
    "",
    container.record.Name,
  ]);
  return columnTable(HEADER, rows);
}

function jsonRow(container: Container, id: string, trunc: boolean): Record<string, string> {
  const { record, state } = container;
  return {
    ID: id,
    Image: record.Config.Image,
    Command: commandOf(container, trunc),
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

function commandOf({ record }: Container, trunc: boolean): string {
  const text = [record.Path, ...record.Args].join(" ");
  return `"${trunc && text.length > COMMAND_LENGTH ? `${text.slice(0, COMMAND_LENGTH - 1)}…` : text}"`;
}
