import { BerthError } from "../../../../../oci/errors.js";
import {
  MAX_LIST_PAGE,
  type ByteSpan,
  type ListPage,
  type ListQuery,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  type UploadWriter,
} from "../../../../../storage/object-store.js";

/** What an operation touches, to know which of two change nothing for one another. */
export interface Footprint {
  readonly verb: "get" | "stat" | "list" | "put" | "create" | "delete";
  /** A key; of a listing the prefix. */
  readonly key: string;
}

export interface Step extends Footprint {
  readonly actor: string;
  /** Of the actor's operations this one's number, which names it in each run of the same schedule. */
  readonly number: number;
  readonly run: () => void;
}

/** The objects, all in memory. Everything about it is visible at once. */
export class ObjectTable {
  readonly objects = new Map<string, Buffer>();

  put(key: string, bytes: Uint8Array, ifAbsent: boolean): void {
    if (ifAbsent && this.objects.has(key)) throw new BerthError("ALREADY_EXISTS", `object ${key} exists`);
    this.objects.set(key, Buffer.from(bytes));
  }

  get(key: string): Buffer {
    const bytes = this.objects.get(key);
    if (bytes === undefined) throw new BerthError("OBJECT_UNKNOWN", `there is no object ${key}`);
    return bytes;
  }

  list({ prefix, startAfter = "", delimiter, limit = MAX_LIST_PAGE }: ListQuery): ListPage {
    const [keys, prefixes] = [new Array<string>(), new Set<string>()];
    for (const key of [...this.objects.keys()].sort()) {
      if (!key.startsWith(prefix) || key <= startAfter) continue;
      const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      if (keys.length + prefixes.size >= limit) break;
      if (end < 0) keys.push(key);
      else if (key.slice(0, end + 1) !== startAfter) prefixes.add(key.slice(0, end + 1));
    }
    return { keys, prefixes: [...prefixes] };
  }
}

/**
 * One actor's sight of the table: each operation waits until the schedule lets it happen, and then happens as a whole, as
 * the contract of ObjectStore lets its users believe. It has no stamps, so nothing is answered from a cache.
 */
export class SteppedStore implements ObjectStore {
  readonly traits = { conditionalCreate: true, staleForMs: 0 };
  #number = 0;

  constructor(
    private readonly table: ObjectTable,
    private readonly actor: string,
    private readonly offer: (step: Step) => void,
  ) {}

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<void> {
    const create = options.ifAbsent === true;
    await options.after;
    await this.#step({ verb: create ? "create" : "put", key }, () => {
      this.table.put(key, bytes, create);
    });
  }

  async get(key: string): Promise<Buffer> {
    return await this.#step({ verb: "get", key }, () => this.table.get(key));
  }

  async open(key: string, range?: ByteSpan): Promise<ObjectBody> {
    const bytes = await this.get(key);
    const part = range === undefined ? bytes : bytes.subarray(range.start, range.start + range.length);
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield part;
    }
    return { size: bytes.length, chunks: chunks(), close: async () => await Promise.resolve() };
  }

  async stat(key: string): Promise<ObjectInfo | undefined> {
    return await this.#step({ verb: "stat", key }, () => {
      const bytes = this.table.objects.get(key);
      return bytes && { size: bytes.length, modifiedAt: 0 };
    });
  }

  async list(query: ListQuery): Promise<ListPage> {
    return await this.#step({ verb: "list", key: query.prefix }, () => this.table.list(query));
  }

  async delete(key: string): Promise<void> {
    await this.#step({ verb: "delete", key }, () => {
      this.table.objects.delete(key);
    });
  }

  async deleteAll(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.delete(key);
  }

  /** Its state holds all bytes itself, as that of a small upload to a bucket does. */
  async openUpload(key: string, state?: string): Promise<UploadWriter> {
    if (state !== undefined && (await this.stat(key)) !== undefined) {
      throw new BerthError("OBJECT_UNKNOWN", `the upload of ${key} is over`);
    }
    let bytes = Buffer.from(state ?? "", "base64");
    const ended = async (): Promise<void> => await Promise.resolve();
    return {
      get size() {
        return bytes.length;
      },
      write: (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        return undefined;
      },
      suspend: async () => await Promise.resolve(bytes.toString("base64")),
      prepare: () => undefined,
      complete: async () => {
        await this.put(key, bytes, { ifAbsent: true });
      },
      isCurrent: async () => (await this.stat(key)) === undefined,
      abort: ended,
      release: ended,
    };
  }

  async stampOf(): Promise<undefined> {
    return await Promise.resolve(undefined);
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  async #step<T>(footprint: Footprint, act: () => T): Promise<T> {
    return await new Promise((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(act());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      this.offer({ ...footprint, actor: this.actor, number: this.#number++, run });
    });
  }
}

const READS: ReadonlySet<string> = new Set(["get", "stat", "list"]);

export function isRead({ verb }: Footprint): boolean {
  return READS.has(verb);
}

/** Whether the order of two steps of different actors can make a difference to anybody. */
export function areDependent(a: Footprint, b: Footprint): boolean {
  if (isRead(a) && isRead(b)) return false;
  if (a.verb === "list") return b.key.startsWith(a.key);
  if (b.verb === "list") return a.key.startsWith(b.key);
  return a.key === b.key;
}
