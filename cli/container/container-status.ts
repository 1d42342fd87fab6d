import type { ContainerState } from "../../engine/index.js";
import { humanDuration, timeAgo } from "../output/human-units.js";

/** The STATUS column of `docker ps`: `Up 2 minutes`, `Exited (0) 3 hours ago`. */
export function containerStatus(state: ContainerState, now = Date.now()): string {
  const up = (): string => `Up ${humanDuration(now - Date.parse(state.StartedAt))}`;
  switch (state.Status) {
    case "running":
      return up();
    case "paused":
      return `${up()} (Paused)`;
    case "created":
      return "Created";
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
    case "exited":
      return `Exited (${String(state.ExitCode)}) ${timeAgo(state.FinishedAt, now)}`;
  }
}
