import { describe } from 'vitest';
import { stores } from '../../src/adapters/store/index.ts';
import { storeContract } from '../contracts/store.ts';
import { clusterPlace, hasCluster } from './cluster-place.ts';

if (!hasCluster) console.warn('SKIPPED: the store in a cluster. Set KUBECONFIG to run it.');

describe.skipIf(!hasCluster)('a real cluster', () => {
  storeContract('kubernetes store', async () => {
    const { cluster, namespace, dispose } = await clusterPlace();
    return {
      open: (clock, holderState) => stores.kubernetes({ cluster, namespace, clock, holderState }),
      dispose,
    };
  });
});
