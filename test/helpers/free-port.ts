import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const LOWEST = 10_000;
const HIGHEST = 65_535;
const ATTEMPTS = 200;

/** Never given again by this process: who was given one may listen on it later, or again after a restart. */
const given = new Set<number>();

/**
 * A port of 127.0.0.1 that nobody listens on. It is none of those that the kernel gives to whoever asks for any port, for a
 * connection's own end or a listener, so that nobody comes to have it by chance before its owner listens, or while that
 * restarts.
 */
export async function freePort(): Promise<number> {
  const candidates = ports();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = candidates[randomInt(candidates.length)] ?? HIGHEST;
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error("no free port was found");
}

function ports(): number[] {
  const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").trim().split(/\s+/);
  const [start = 0, end = 0] = range.map(Number);
  const all = Array.from({ length: HIGHEST - LOWEST + 1 }, (_, i) => LOWEST + i);
  const others = all.filter((port) => port < start || port > end);
  return others.length > 0 ? others : all;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once("error", () => {
      resolve(false);
    });
    server.listen(port, "127.0.0.1", () => {
      resolve(true);
    });
  });
  if (listens) await new Promise((resolve) => server.close(resolve));
  return listens;
}
