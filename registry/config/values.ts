import * as v from "valibot";

import { BerthError } from "../../oci/errors.js";
import { parseListenAddress } from "./listen-address.js";

/** Kinds of values that several sections of the configuration have. */

export const count = (least: number): v.GenericSchema<number> =>
  v.pipe(
    v.number("is not a number"),
    v.safeInteger("is not a whole number"),
    v.minValue(least, `is below ${String(least)}`),
  );

export const flag = v.boolean("is not true or false");
export const text = v.pipe(v.string("is not text"), v.nonEmpty("is empty"));
export const url = v.pipe(text, v.url("is not a URL"));
export const httpUrl = v.pipe(url, v.check(isHttp, "is not http:// or https://"));

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const SIZE = /^(\d{1,12}(?:\.\d{1,3})?) ?([KMGT]?)(?:i?B)?$/;

/** A number of bytes, or text such as `10GiB`; K, M, G and T are powers of 1,024. */
export const byteSize = v.pipe(
  v.union([v.number(), v.string()], "is no number of bytes, such as 10GiB"),
  v.check((size) => SIZE.test(String(size)), "is no number of bytes, such as 10GiB"),
  v.transform((size) => {
    const [, number, unit = ""] = SIZE.exec(String(size)) ?? [];
    return Math.floor(Number(number) * (UNITS[unit] ?? 1));
  }),
);

/** For names of repositories and tags (../policy/name-pattern.ts). */
export const pattern = v.pipe(
  text,
  v.maxLength(255, "is longer than 255 characters"),
  v.regex(/^[A-Za-z0-9._/*?-]+$/, "holds what no name can: letters, digits, . _ - / * and ? are for patterns"),
);

export const listenAddress = v.pipe(text, v.check(isListenAddress, "is not host:port"));

function isHttp(value: string): boolean {
  // What is no URL at all is told of by itself.
  return /^https?:$/.test(URL.parse(value)?.protocol ?? "http:");
}

function isListenAddress(value: string): boolean {
  try {
    parseListenAddress(value);
    return true;
  } catch (error) {
    if (error instanceof BerthError) return false;
    throw error;
  }
}
