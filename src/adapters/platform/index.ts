import { type LocalPlatformOptions, localPlatform } from './local/local.ts';
import type { Platform } from './platform.ts';

/** Platforms by kind. */
export const platforms = { local: localPlatform } satisfies Record<
  string,
  (options: LocalPlatformOptions) => Platform
>;
