import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { compareTrees } from "../../../engine/image/tree-comparison.js";
import { openBelow } from "../../helpers/open-descriptors.js";

describe("comparing a container's files with those it started with", () => {
  let base: string;
  const at = (...names: readonly string[]) => join(base, ...names);
  const write = (path: string, text = "x") => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  };
  /** As `A /path` lines. */
  const compare = () =>
    compareTrees({ upper: at("upper"), lower: at("lower"), merged: at("merged") }).map(
      ({ kind, path }) => `${kind} ${path}`,
    );
  /** Lower and merged are the same, and upper empty. */
  const settle = () => {
    cpSync(at("lower"), at("merged"), { recursive: true, preserveTimestamps: true });
  };

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "berth-compare-"));
    for (const tree of ["upper", "lower", "merged"]) mkdirSync(at(tree));
  });
  afterEach(() => {
    rmSync(base, { recursive: true });
  });

  it("an untouched container has no changes", () => {
    write("lower/etc/passwd");
    settle();
    assert.deepEqual(compare(), []);
  });

  it("additions are listed with all that is below them, parents first, sorted by path", () => {
    for (const tree of ["upper", "merged"]) {
      write(`${tree}/new/deep/file`);
      write(`${tree}/a`);
    }
    assert.deepEqual(compare(), ["A /a", "A /new", "A /new/deep", "A /new/deep/file"]);
  });

  it("a changed file is listed, and its directory only when that changed as well", () => {
    write("lower/etc/passwd", "old");
    settle();
    write("upper/etc/passwd", "new");
    write("merged/etc/passwd", "new");
    const then = new Date("2020-01-01");
    for (const tree of ["lower", "merged"]) utimesSync(at(tree, "etc"), then, then);
    assert.deepEqual(compare(), ["C /etc/passwd"]);
    utimesSync(at("merged/etc"), then, new Date("2021-01-01"));
    assert.deepEqual(compare(), ["C /etc", "C /etc/passwd"]);
  });

  it("a deletion is listed with the directory it was in, and nothing below it", () => {
    write("lower/usr/share/doc/a");
    settle();
    rmSync(at("merged/usr/share"), { recursive: true });
    write("upper/usr/share");
    const then = new Date("2020-01-01");
    for (const tree of ["lower", "merged"]) utimesSync(at(tree, "usr"), then, then);
    assert.deepEqual(compare(), ["C /usr", "D /usr/share"]);
  });

  it("what a directory that was made anew hides is deleted, although no whiteout says so", () => {
    write("lower/opt/old");
    settle();
    rmSync(at("merged/opt/old"));
    write("merged/opt/new");
    write("upper/opt/new");
    assert.deepEqual(compare(), ["C /opt", "A /opt/new", "D /opt/old"]);
  });

  it("a directory in place of a file is changed, and what is in it is new", () => {
    write("lower/thing");
    write("merged/thing/file");
    write("upper/thing/file");
    assert.deepEqual(compare(), ["C /thing", "A /thing/file"]);
  });

  it("links are compared themselves and never followed", () => {
    write("outside/secret");
    for (const tree of ["upper", "merged"]) symlinkSync(at("outside"), at(tree, "link"));
    // As if swapped between looking and opening: a directory in one view, a link in another.
    mkdirSync(at("merged/swapped"));
    symlinkSync(at("outside"), at("upper/swapped"));
    assert.deepEqual(compare(), ["A /link", "A /swapped"]);
  });

  it("names that are not UTF-8 are gone through, and no descriptor is left open", () => {
    const name = Buffer.from([0xff, 0x61]);
    for (const tree of ["upper", "merged"]) {
      const directory = Buffer.concat([Buffer.from(`${at(tree)}/`), name]);
      mkdirSync(directory);
      writeFileSync(Buffer.concat([directory, Buffer.from("/in")]), "");
    }
    assert.deepEqual(compare(), ["A /\ufffda", "A /\ufffda/in"]);
    assert.deepEqual(openBelow(base), []);
  });
});
