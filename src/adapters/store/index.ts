import { type FileStoreOptions, fileStore } from './file.ts';
import type { StateStore } from './store.ts';

/** Stores by kind. */
export const stores = { file: fileStore } satisfies Record<string, (options: FileStoreOptions) => StateStore>;
