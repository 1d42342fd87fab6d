/** The API's base. Without a scheme it is https; `/v2` is added unless it is there or `override` says that the path is all. */
export function apiBase(text: string, override = false): URL {
  const url = parseEndpoint(text);
  if (url === undefined) throw new TypeError(`not checked: ${text}`);
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = override || path.endsWith("/v2") ? path : `${path}/v2`;
  return url;
}

/** undefined for what is no address by http or https. */
export function parseEndpoint(text: string): URL | undefined {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "" ? url : undefined;
}
