import { fileStore } from './file.ts';
import { kubernetesStore } from './kubernetes.ts';
import type { StateStore } from './store.ts';

/** Stores by kind. */
export const stores = { file: fileStore, kubernetes: kubernetesStore } satisfies Record<
  string,
  (options: never) => StateStore
>;
