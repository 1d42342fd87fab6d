import type { ContainerDefaults } from "../../oci/image-config.js";
import type { ContainerConfig } from "../container-config.js";

/**
 * What containers of a committed image start with: as this one was started, and what only the image can say (ports, volumes)
 * as it was in there.
 */
export function committedConfig(image: ContainerDefaults, container: ContainerConfig): ContainerDefaults {
  const { User: _u, Env: _e, Cmd: _c, Entrypoint: _p, WorkingDir: _w, Labels: _l, StopSignal: _s, ...kept } = image;
  const { User, Env, Cmd, Entrypoint, WorkingDir, Labels, StopSignal } = container;
  return {
    ...kept,
    ...(User !== "" && { User }),
    ...(Env.length > 0 && { Env }),
    ...(Cmd !== null && { Cmd }),
    ...(Entrypoint !== null && { Entrypoint }),
    ...(WorkingDir !== "" && { WorkingDir }),
    ...(Object.keys(Labels).length > 0 && { Labels }),
    ...(StopSignal !== undefined && { StopSignal }),
  };
}
