import * as v from "valibot";

import { parseEndpoint } from "./endpoint-url.js";

/** Where a registry's API may be: no secrets, and nothing that would be lost when paths are added. */
export const endpointUrl = v.pipe(
  v.string("is not an address"),
  v.check((text) => parseEndpoint(text) !== undefined, "is no address such as https://mirror.example:5000"),
  v.check(
    (text) => !parseEndpoint(text)?.username && !parseEndpoint(text)?.password,
    "holds a user name or password: use berth login",
  ),
  v.check((text) => {
    const url = parseEndpoint(text);
    return url === undefined || (url.search === "" && url.hash === "");
  }, "has a query or a fragment"),
);
