import { digestOf, type Digest } from "./digest.js";

/**
 * ChainIDs of a stack of layers, base first: C(0) = DiffID(0); C(n) = sha256(C(n-1) + " " + DiffID(n))
 * (image-spec, config.md, "Layer ChainID").
 */
export function chainIdsOf(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chain;
}
