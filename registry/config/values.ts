import * as v from "valibot";

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
