/** Something that is wrong with a configuration whose settings are well-formed each for itself. */
export interface ConfigProblem {
  /** Of the setting, such as `["auth", "htpasswd"]`. */
  readonly path: readonly (string | number)[];
  readonly what: string;
}

/** Sections that are well-formed; others are told of already. */
export type SoundSections<T> = { readonly [K in keyof T]?: T[K] | undefined };
