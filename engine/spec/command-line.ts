import { BerthError } from "../../oci/errors.js";
import type { ContainerDefaults } from "../../oci/image-config.js";

/**
 * Docker's merging: an entrypoint given by the user also discards the image's command; a command given by the user replaces the
 * image's. `--entrypoint ""` takes the image's entrypoint away.
 * @throws BerthError USAGE when nothing is left to run
 */
export function mergeCommand(
  image: ContainerDefaults,
  given: { readonly entrypoint?: readonly string[]; readonly command: readonly string[] },
): { readonly entrypoint: readonly string[] | null; readonly command: readonly string[] | null } {
  const own = given.entrypoint !== undefined;
  const entrypoint = own ? given.entrypoint.filter((part) => part !== "") : (image.Entrypoint ?? []);
  const command = given.command.length > 0 || own ? given.command : (image.Cmd ?? []);
  if (entrypoint.length + command.length === 0) {
    throw new BerthError("USAGE", "the image names no command: write one after the image's name");
  }
  return {
    entrypoint: entrypoint.length === 0 ? null : entrypoint,
    command: command.length === 0 ? null : command,
  };
}
