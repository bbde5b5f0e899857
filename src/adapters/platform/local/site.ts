import { RollbackError } from '../../../model/error.ts';
import type { Evidence } from './evidence.ts';
import type { PlatformStateFile } from './platform-state.ts';
import type { ProxyClient } from './proxy-api.ts';
import type { ReleaseFiles } from './release-files.ts';
import type { UnpackImage } from './rootfs.ts';
import type { Routing } from './routing.ts';
import type { ServiceFile } from './service-file.ts';

/** What the parts of one supervisor share. */
export interface Site {
  dir: string;
  /** As last configured. */
  service: ServiceFile;
  state: PlatformStateFile;
  releases: ReleaseFiles;
  routing: Routing;
  proxy: ProxyClient;
  evidence: Evidence;
  unpack: UnpackImage;
  log(line: string): void;
}

/** A refusal: the call was understood, and what it asks for must not be done now. */
export function refuse(
  code: string,
  summary: string,
  more: { detail?: string; fix?: string; retriable?: boolean } = {},
): RollbackError {
  return new RollbackError({ code, summary, ...more });
}
