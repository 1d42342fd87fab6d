import type { ReadStream } from "node:tty";

/**
 * Hands what is typed, and what the container's own terminal has made of its output, on as it is.
 * @returns how to set the terminal back
 */
export function makeTerminalRaw(terminal: ReadStream): () => void {
  terminal.setRawMode(true);
  // Node's raw mode still makes CR LF of a line feed, which moves the cursor of full-screen programs.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
  return () => {
    terminal.setRawMode(false);
  };
}
