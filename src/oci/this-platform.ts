import type { ImagePlatform } from './manifest.ts';

const OS: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows', sunos: 'solaris' };
const ARCHITECTURE: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mipsel: 'mipsle',
};

/** This machine in the words of the OCI image spec, which are Go's GOOS and GOARCH. */
export function thisPlatform(): ImagePlatform {
  return {
    os: OS[process.platform] ?? process.platform,
    architecture: ARCHITECTURE[process.arch as NodeJS.Architecture] ?? process.arch,
  };
}
