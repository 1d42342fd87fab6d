/** Tars made byte by byte, so that a test can write what no honest tool would. */
export interface TarMember {
  readonly path: string;
  /** The typeflag: "0" file, "1" hard link, "2" symlink, "3" and "4" devices, "5" directory, "6" FIFO, ... */
  readonly type?: string;
  readonly link?: string;
  readonly content?: string | Uint8Array;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  /** Instead of the content's length. */
  readonly size?: number;
  /** Records of a PAX header in front. */
  readonly pax?: Readonly<Record<string, string>>;
  /** Changes the header before its checksum is made. */
  readonly patch?: (header: Buffer) => void;
  readonly badChecksum?: boolean;
}

const BLOCK = 512;

export function tarOf(...members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.map(tarMember), Buffer.alloc(2 * BLOCK)]);
}

export function tarMember(member: TarMember): Buffer {
  const content = Buffer.from(member.content ?? "");
  const header = Buffer.alloc(BLOCK);
  header.write(member.path, 0, 100);
  octal(header, 100, 8, member.mode ?? (member.type === "5" ? 0o755 : 0o644));
  octal(header, 108, 8, member.uid ?? 0);
  octal(header, 116, 8, member.gid ?? 0);
  octal(header, 124, 12, member.size ?? content.length);
  octal(header, 136, 12, member.mtime ?? 1_000_000_000);
  header.write(member.type ?? "0", 156);
  header.write(member.link ?? "", 157, 100);
  header.write("ustar\u000000", 257, "latin1");
  octal(header, 329, 8, member.major ?? 0);
  octal(header, 337, 8, member.minor ?? 0);
  member.patch?.(header);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, member.badChecksum === true ? 1 : 0);
  octal(header, 148, 7, sum);
  return Buffer.concat([member.pax ? paxHeader("x", member.pax) : Buffer.alloc(0), header, padded(content)]);
}

export function paxHeader(type: "x" | "g", records: Readonly<Record<string, string>>): Buffer {
  return paxRecords(type, Object.entries(records));
}

/** As paxHeader, for keys that come more than once. */
export function paxRecords(type: "x" | "g", records: readonly (readonly [string, string])[]): Buffer {
  const content = records.map(([key, value]) => paxRecord(key, value)).join("");
  return tarMember({ path: "PaxHeaders/test", type, content });
}

function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(key) + Buffer.byteLength(value) + 3;
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return `${String(length)} ${key}=${value}\n`;
}

function octal(header: Buffer, offset: number, length: number, value: number): void {
  header.write(value.toString(8).padStart(length - 1, "0"), offset, length - 1, "latin1");
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}
