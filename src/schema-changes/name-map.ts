/** What is equal for names that an engine holds to be the same. */
export type NameKey = (name: string) => string;

/** A map by name, in which names find each other as they do in the engine. */
export class NameMap<V> extends Map<string, V> {
  readonly #key: NameKey;

  constructor(key: NameKey) {
    super();
    this.#key = key;
  }

  override get(name: string): V | undefined {
    return super.get(this.#key(name));
  }
  override has(name: string): boolean {
    return super.has(this.#key(name));
  }
  override set(name: string, value: V): this {
    return super.set(this.#key(name), value);
  }
  override delete(name: string): boolean {
    return super.delete(this.#key(name));
  }

  /** A map of the same names, each value replaced. */
  copy(of: (value: V) => V = (value) => value): NameMap<V> {
    const copied = new NameMap<V>(this.#key);
    for (const [name, value] of this) copied.set(name, of(value));
    return copied;
  }
}
