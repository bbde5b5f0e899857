import { kubernetesPlatform } from './kubernetes/kubernetes.ts';
import { localPlatform } from './local/local.ts';

/** Platforms by kind. */
export const platforms = { local: localPlatform, kubernetes: kubernetesPlatform };
