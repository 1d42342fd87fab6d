import * as v from "valibot";

/** Where a registry's API may be: no secrets, and nothing that would be lost when paths are added. */
export const endpointUrl = v.pipe(
  v.string("is not an address"),
  v.check((text) => parse(text) !== undefined, "is no address such as https://mirror.example:5000"),
  v.check((text) => !parse(text)?.username && !parse(text)?.password, "holds a user name or password: use berth login"),
  v.check((text) => {
    const url = parse(text);
    return url === undefined || (url.search === "" && url.hash === "");
  }, "has a query or a fragment"),
);

/** The API's base. Without a scheme it is https; `/v2` is added unless it is there or `override` says that the path is all. */
export function apiBase(text: string, override = false): URL {
  const url = parse(text);
  if (url === undefined) throw new TypeError(`not checked: ${text}`);
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = override || path.endsWith("/v2") ? path : `${path}/v2`;
  return url;
}

function parse(text: string): URL | undefined {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "" ? url : undefined;
}
