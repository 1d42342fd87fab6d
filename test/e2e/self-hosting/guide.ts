import { readFileSync } from "node:fs";
import { join } from "node:path";

import { PROJECT } from "../../helpers/project.js";

interface GuideBlock {
  /** First word behind the fence: sh, yaml, ... */
  readonly language: string;
  /** The rest of that line: for a file its name, for commands what they need that a test has not. */
  readonly about: string;
  readonly text: string;
  /** Heading of the section. */
  readonly section: string;
}

/** The fenced blocks of a page of docs/, in order. */
export function blocksOf(page: string): readonly GuideBlock[] {
  const blocks: GuideBlock[] = [];
  let section = "";
  let open: { language: string; about: string; lines: string[] } | undefined;
  for (const line of readFileSync(join(PROJECT, "docs", page), "utf8").split("\n")) {
    const [, language, about = ""] = /^```(\S*) ?(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (line.startsWith("## ")) section = line.slice(3);
      if (language !== undefined) open = { language, about, lines: [] };
    } else if (language === undefined) open.lines.push(line);
    else {
      blocks.push({ language: open.language, about: open.about, text: `${open.lines.join("\n")}\n`, section });
      open = undefined;
    }
  }
  return blocks;
}
