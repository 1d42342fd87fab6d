import * as v from "valibot";

import { text } from "./values.js";

const tlsSettings = v.pipe(
  v.strictObject({
    /** PEM file: the certificate and, behind it, those of its issuers. Read again when it changes. */
    certificate: text,
    /** PEM file of its private key. */
    key: text,
    /** PEM file of the authorities whose client certificates are believed: the user is `cert:<common name>`. */
    clientCa: v.optional(text),
    /** required: no connection without a certificate by clientCa. */
    clientCertificate: v.optional(v.picklist(["optional", "required"], "is neither optional nor required"), "optional"),
    minVersion: v.optional(v.picklist(["1.2", "1.3"], "is neither 1.2 nor 1.3"), "1.2"),
  }),
  v.check(
    ({ clientCa, clientCertificate }) => clientCa !== undefined || clientCertificate === "optional",
    "client certificates cannot be required without clientCa",
  ),
);

/** HTTPS by the registry itself. Absent: plain HTTP, for loopback or behind a proxy that does it. */
export const tlsSection = v.optional(tlsSettings);

export type TlsSettings = v.InferOutput<typeof tlsSettings>;
