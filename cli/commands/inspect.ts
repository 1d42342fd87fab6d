import { Option, type Command } from "commander";

import { BerthError, isBerthError } from "../../oci/errors.js";
import { findContainer, inspectContainer, type Engine } from "../../engine/index.js";
import { inspectImage } from "../../puller/index.js";
import type { CommandHost } from "../command.js";
import { engineOf } from "../container/engine-of.js";
import { parseTemplate } from "../output/go-template.js";

type ObjectType = "container" | "image";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<names...>", "containers or images, by name or ID")
    .addOption(new Option("--type <type>", "look only for these").choices(["container", "image"]))
    .option("-f, --format <template>", "print what a Go template makes of each, such as {{.State.Pid}}", "json")
    .action((names: readonly string[], { type, format }: { type?: ObjectType; format: string }) => {
      const render = format === "json" ? undefined : parseTemplate(format);
      const engine = engineOf(host.context());
      const found: unknown[] = [];
      for (const name of names) {
        try {
          found.push(inspect(engine, name, type));
        } catch (error) {
          if (!isBerthError(error)) throw error;
          process.stderr.write(`berth: ${error.message}\n`);
          host.exit(1);
        }
      }
      if (render === undefined) process.stdout.write(`${JSON.stringify(found, undefined, 4)}\n`);
      else process.stdout.write(found.map((object) => `${render(object)}\n`).join(""));
    });
}

/** A container before an image of the same name, as docker does. @throws BerthError */
function inspect(engine: Engine, name: string, type: ObjectType | undefined): unknown {
  if (type !== "image") {
    try {
      return inspectContainer(engine, findContainer(engine, name));
    } catch (error) {
      if (type === "container" || !isBerthError(error, "CONTAINER_UNKNOWN")) throw error;
    }
  }
  try {
    return inspectImage(engine.store, engine.store.images.find(name));
  } catch (error) {
    if (type === "image" || !isBerthError(error, "IMAGE_UNKNOWN", "REFERENCE_INVALID")) throw error;
    throw new BerthError("NAME_UNKNOWN", `no such container or image: ${name}`, { cause: error });
  }
}
