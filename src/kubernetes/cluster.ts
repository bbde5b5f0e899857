/** One operation of a JSON Patch (RFC 6902). */
export type PatchOperation =
  | { op: 'test' | 'add' | 'replace'; path: string; value: unknown }
  | { op: 'remove'; path: string };

export type Query = Record<string, string | number | boolean | undefined>;

export interface RequestOptions {
  query?: Query;
  signal?: AbortSignal;
  /** The server checks and admits, and stores nothing (`dryRun=All`). */
  dryRun?: boolean;
}

/** One change of a watched collection (Kubernetes API concepts, "Efficient detection of changes"). */
export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

export interface ListOf<T> {
  metadata: { resourceVersion?: string; continue?: string };
  items: T[];
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * The API server of one cluster, as one user. Paths are those of the API, e.g. `/api/v1/namespaces/shop/pods/api-1`
 * (see `resource-paths.ts`). Every method throws `ApiError` (retriable where trying again can help) for an answer
 * other than success; reads are tried again a few times first, writes only where the server says it did nothing (429).
 */
export interface Cluster {
  /** E.g. `https://10.0.0.1:6443`. */
  readonly server: string;
  /** Of the kubeconfig; `in-cluster` in a pod. */
  readonly context: string;
  /** The context's namespace, else `default`. */
  readonly namespace: string;
  /** Requests sent so far, each try counted. */
  readonly requests: number;

  get<T>(path: string, options?: RequestOptions): Promise<T>;
  /** All items; large collections are read in pages. */
  list<T>(path: string, options?: RequestOptions): Promise<ListOf<T>>;
  create<T>(path: string, body: unknown, options?: RequestOptions): Promise<T>;
  /** Replaces the whole object; its `metadata.resourceVersion` is the precondition. */
  replace<T>(path: string, body: unknown, options?: RequestOptions): Promise<T>;
  /** JSON Patch: applied as a whole or not at all; `test` operations are its preconditions. */
  patch<T>(path: string, operations: PatchOperation[], options?: RequestOptions): Promise<T>;
  /** JSON Merge Patch (RFC 7386). It has no preconditions but a `metadata.resourceVersion` or `uid` in it. */
  mergePatch<T>(path: string, body: unknown, options?: RequestOptions): Promise<T>;
  /** @param body DeleteOptions, e.g. `{preconditions: {uid}}`. */
  delete(path: string, body?: unknown, options?: RequestOptions): Promise<void>;
  /** Plain text, e.g. a pod's log. */
  text(path: string, options?: RequestOptions): Promise<string>;
  /**
   * One try, whatever the status of the answer: for what is asked through the API server's proxy. Throws ApiError only
   * where no answer came.
   */
  answer(path: string, options?: RequestOptions): Promise<{ status: number; text: string }>;
  /** Events until the server ends the watch, the signal aborts, or an error is thrown; no second try. */
  watch<T>(path: string, options: RequestOptions & { query: Query }): AsyncGenerator<WatchEvent<T>>;
  /** Runs a command in a container (needs the verb `create` on `pods/exec`). */
  exec(
    pod: { namespace: string; name: string; container: string },
    command: string[],
    signal: AbortSignal,
  ): Promise<ExecResult>;
}
