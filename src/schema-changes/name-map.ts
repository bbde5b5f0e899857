/** What is equal for names that an engine holds to be the same. */
export type NameKey = (name: string) => string;

/**
 * A map by name, in which names find each other as they do in the engine. A layer over another map holds what is changed
 * in it, and shows the rest as it is below, which must not change meanwhile.
 */
export class NameMap<V extends NonNullable<unknown>> {
  protected readonly key: NameKey;
  protected readonly below: this | undefined;
  /** By key; undefined for what is deleted of the map below. */
  readonly #own = new Map<string, V | undefined>();

  constructor(key: NameKey, below?: NameMap<V>) {
    this.key = key;
    this.below = below as this | undefined;
  }

  get(name: string): V | undefined {
    return this.#at(this.key(name));
  }
  has(name: string): boolean {
    return this.#at(this.key(name)) !== undefined;
  }
  set(name: string, value: V): this {
    this.#own.set(this.key(name), value);
    return this;
  }
  delete(name: string): void {
    const key = this.key(name);
    if (this.below) this.#own.set(key, undefined);
    else this.#own.delete(key);
  }

  [Symbol.iterator](): IterableIterator<[string, V]> {
    // Only a layer holds what is undefined.
    return this.below ? this.#merged(this.below) : (this.#own as Map<string, V>).entries();
  }
  *keys(): IterableIterator<string> {
    for (const [key] of this) yield key;
  }
  *values(): IterableIterator<V> {
    for (const [, value] of this) yield value;
  }
  isEmpty(): boolean {
    return this.keys().next().done === true;
  }

  /** A map of the same names that is no layer, each value replaced. */
  copy(of: (value: V) => V = (value) => value): this {
    const copied = this.empty() as this;
    for (const [name, value] of this) copied.set(name, of(value));
    return copied;
  }

  /** One of the same kind, with nothing in it. */
  protected empty(): NameMap<V> {
    return new NameMap<V>(this.key);
  }

  /** Whether the value of that name is of this layer, and not of the map below. */
  protected owns(name: string): boolean {
    return this.#own.has(this.key(name));
  }

  /** Names that may have another value than in the other map: all, but where this is a layer over it. */
  namesUnlike(other: NameMap<V>): Iterable<string> {
    if (this.below === other) return this.#own.keys();
    return new Set([...other.keys(), ...this.keys()]);
  }

  *#merged(below: this): IterableIterator<[string, V]> {
    for (const entry of below) if (!this.#own.has(entry[0])) yield entry;
    for (const [key, value] of this.#own) if (value !== undefined) yield [key, value];
  }
  #at(key: string): V | undefined {
    const own = this.#own.get(key);
    if (own !== undefined || !this.below || this.#own.has(key)) return own;
    return this.below.#at(key);
  }
}
