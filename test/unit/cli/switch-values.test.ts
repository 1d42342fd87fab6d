import assert from "node:assert/strict";

import { Command } from "commander";

import { shortVerb } from "../../../cli/management-commands.js";
import { resolveSwitchValues } from "../../../cli/switch-values.js";

describe("values of switches", () => {
  const run = new Command("run")
    .argument("<image>")
    .argument("[command...]")
    .option("-i, --interactive", "")
    .option("-t, --tty", "")
    .option("--rm", "")
    .option("--no-sig-proxy", "")
    .option("-e, --env <pair>", "");
  const resolved = (text: string): string => resolveSwitchValues(run, text.split(" ")).join(" ");

  it("true is the switch alone and false is nothing", () => {
    assert.equal(resolved("--rm=true --tty=false -i=1 -t=F image"), "--rm --interactive image");
    assert.equal(resolved("-it=true image"), "-i --tty image");
    assert.equal(resolved("-it=false image"), "-i image");
  });

  it("one that is on by itself gets its other form", () => {
    assert.equal(resolved("--sig-proxy=false image"), "--no-sig-proxy image");
    assert.equal(resolved("--sig-proxy=true --no-sig-proxy=false image"), "image");
  });

  it("values of flags that take one, unknown flags and a container's command stay as they are", () => {
    for (const text of ["-e A=true image", "-eA=true image", "--env --rm=true image", "-it -e --rm=true image"]) {
      assert.equal(resolved(text), text);
    }
    for (const text of ["--rm image sh --rm=true", "--rm=maybe image", "--other=false image", "-- --rm=true"]) {
      assert.equal(resolved(text), text);
    }
  });
});

describe("docker's management commands", () => {
  it("are berth's verbs", () => {
    assert.deepEqual(shortVerb(["image", "ls", "-q"]), ["images", "-q"]);
    assert.deepEqual(shortVerb(["image", "inspect", "x"]), ["inspect", "--type", "image", "x"]);
    assert.deepEqual(shortVerb(["container", "rm", "-f", "x"]), ["rm", "-f", "x"]);
    for (const args of [["image"], ["image", "nosuch"], ["constructor", "ls"], ["run", "image", "ls"], []]) {
      assert.deepEqual(shortVerb(args), args);
    }
  });
});
