const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Docker's sizes: four significant digits in decimal units, such as `1.013GB` and `45.5kB`. */
export function humanSize(bytes: number, precision = 4): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${String(Number(value.toPrecision(precision)))}${UNITS[unit] ?? "B"}`;
}

/** Docker's durations: `2 minutes`, `About an hour`, `3 weeks`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${String(seconds)} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${String(minutes)} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${String(hours)} hours`;
  const days = Math.floor(hours / 24);
  if (days < 14) return `${String(days)} days`;
  if (days < 60) return `${String(Math.floor(days / 7))} weeks`;
  if (days < 730) return `${String(Math.floor(days / 30))} months`;
  return `${String(Math.floor(days / 365))} years`;
}

/** `3 weeks ago`; `N/A` for what has no time, as in images that are built reproducibly without one. */
export function timeAgo(time: string | undefined, now = Date.now()): string {
  const then = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(then) ? "N/A" : `${humanDuration(Math.max(0, now - then))} ago`;
}
