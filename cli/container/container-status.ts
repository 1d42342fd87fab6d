import type { ContainerState } from "../../engine/index.js";
import { humanDuration, timeAgo } from "../output/human-units.js";

/** The STATUS column of `docker ps`: `Up 2 minutes`, `Exited (0) 3 hours ago`. */
export function containerStatus(state: ContainerState, now = Date.now()): string {
  const up = (): string => `Up ${humanDuration(now - Date.parse(state.StartedAt))}`;
  const texts: Readonly<Record<ContainerState["Status"], () => string>> = {
    created: () => "Created",
    running: up,
    paused: () => `${up()} (Paused)`,
    removing: () => "Removal In Progress",
    exited: () => `Exited (${String(state.ExitCode)}) ${timeAgo(state.FinishedAt, now)}`,
    dead: () => "Dead",
  };
  return texts[state.Status]();
}
