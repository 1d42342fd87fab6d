import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";

/** Called when an operation of the store begins; returns what is to be called when it has ended. */
export type StoreObserver = (operation: string) => (failure?: unknown) => void;

/** False of what a store that works answers too: that something is not there, or is there already. */
export function isStoreFault(failure: unknown): boolean {
  return failure !== undefined && !isBerthError(failure, "OBJECT_UNKNOWN", "ALREADY_EXISTS");
}

/** Operations that reach the medium. A stamp is a look at an inode for each request, and is let by. */
const OBSERVED = new Set(["put", "get", "open", "openUpload", "stat", "list", "delete", "deleteAll"]);

/** The same store, whose operations are seen by the observers. Everything else a driver can do is handed through. */
export function instrumentedStore(store: ObjectStore, observers: readonly StoreObserver[]): ObjectStore {
  if (observers.length === 0) return store;
  const methods = new Map<string | symbol, unknown>();
  const methodOf = (name: string | symbol): unknown => {
    const value: unknown = Reflect.get(store, name, store);
    if (typeof value !== "function") return value;
    const method = value.bind(store) as (...args: unknown[]) => unknown;
    return OBSERVED.has(String(name)) ? observed(String(name), method, observers) : method;
  };
  return new Proxy(store, {
    get(_target, name) {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const method = methodOf(name);
      if (typeof method === "function") methods.set(name, method);
      return method;
    },
  });
}

function observed(
  operation: string,
  method: (...args: unknown[]) => unknown,
  observers: readonly StoreObserver[],
): (...args: unknown[]) => Promise<unknown> {
  return async (...args) => {
    const ends = observers.map((observer) => observer(operation));
    try {
      const result = await method(...args);
      for (const end of ends) end();
      return result;
    } catch (error) {
      for (const end of ends) end(error);
      throw error;
    }
  };
}
