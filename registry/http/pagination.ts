import { BerthError } from "../../oci/errors.js";
import { queryOf } from "./path-parameters.js";
import type { RegistryRequest } from "./request.js";

export interface Page {
  readonly items: readonly string[];
  /** Value of the Link header; absent on the last page. */
  readonly link?: string;
}

/**
 * distribution-spec, "Listing Tags": at most `n` items after `last`, in order, and a Link to the rest (RFC 5988). `last` need
 * not be one of the items.
 * @param sorted ascending by UTF-16 units, which for these items are their ASCII codes
 * @throws BerthError PAGINATION_INVALID
 */
export function pageOf(ctx: RegistryRequest, sorted: readonly string[]): Page {
  const n = limitOf(ctx);
  const last = queryOf(ctx, "last");
  const start = last === undefined ? 0 : firstAfter(sorted, last);
  if (n === undefined) return { items: start === 0 ? sorted : sorted.slice(start) };
  const items = sorted.slice(start, start + n);
  const end = items.at(-1);
  if (end === undefined || start + n >= sorted.length) return { items };
  // Which registry's repository is meant: without it the next page would be another one's.
  const namespace = queryOf(ctx, "ns");
  const query = new URLSearchParams({ ...(namespace && { ns: namespace }), n: String(n), last: end });
  return { items, link: `<${ctx.path}?${query.toString()}>; rel="next"` };
}

/** What a page needs of the whole: so many items after `after`. Undefined when it is all of them. @throws as `pageOf` */
export function partOf(ctx: RegistryRequest): { readonly after?: string; readonly most: number } | undefined {
  const n = limitOf(ctx);
  const last = queryOf(ctx, "last");
  // One more tells whether there is another page.
  return n === undefined ? undefined : { most: n + 1, ...(last && { after: last }) };
}

function limitOf(ctx: RegistryRequest): number | undefined {
  const text = queryOf(ctx, "n");
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new BerthError("PAGINATION_INVALID", "n is a number of items", { details: { n: text.slice(0, 100) } });
}

function firstAfter(sorted: readonly string[], last: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? "") <= last) low = middle + 1;
    else high = middle;
  }
  return low;
}
