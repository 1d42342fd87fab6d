import { digestOf, type Digest } from "./digest.js";

/**
 * ChainIDs of a stack of layers, base first: C(0) = DiffID(0); C(n) = sha256(C(n-1) + " " + DiffID(n))
 * (image-spec, config.md, "Layer ChainID").
 * @param sha256 for who has one at hand without node:crypto
 */
export function chainIdsOf(diffIds: readonly Digest[], sha256: (text: string) => Digest = digestOf): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : sha256(`${parent} ${diffId}`));
  }
  return chain;
}
