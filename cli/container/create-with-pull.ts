import { BerthError, isBerthError } from "../../oci/errors.js";
import { familiarReference, parseReference } from "../../oci/reference.js";
import { createContainer, type ContainerRecord, type CreateRequest, type Engine } from "../../engine/index.js";

/** Creates a container, getting its image first as `--pull` says. @throws BerthError USAGE for another word, and what both throw */
export async function createWithPull(
  engine: Engine,
  request: CreateRequest,
  flags: { readonly pull: string; readonly platform?: string },
): Promise<ContainerRecord> {
  const { pull } = flags;
  if (!["always", "missing", "never"].includes(pull)) {
    throw new BerthError("USAGE", `invalid --pull ${JSON.stringify(pull)}: write always, missing or never`);
  }
  if (pull === "always") await pullImageFor(engine, request.image, flags.platform);
  try {
    return await createContainer(engine, request);
  } catch (error) {
    if (pull !== "missing" || !isBerthError(error, "IMAGE_UNKNOWN")) throw error;
  }
  process.stderr.write(`Unable to find image '${familiarReference(parseReference(request.image))}' locally\n`);
  await pullImageFor(engine, request.image, flags.platform);
  return createContainer(engine, request);
}

async function pullImageFor(engine: Engine, image: string, platform: string | undefined): Promise<void> {
  const { pullWithBars } = await import("./pull-with-bars.js");
  await pullWithBars(engine.options.root, image, platform);
}
