import { expect } from 'vitest';
import { keptTemplate, leftBehind, withoutTemplate } from './left-behind.ts';
import type { Manifest } from './manifests.ts';
import type { KubernetesRig } from './rig.ts';

/** What `expectServing` compares with, taken before anybody interferes. */
export async function takeBefore(rig: KubernetesRig, version: string) {
  return { ...(await rig.configured()), template: await keptTemplate(rig, version) };
}

/** The version serves, whole and alone, the objects are as somebody configured them, and nothing of a run is left. */
export async function expectServing(
  rig: KubernetesRig,
  version: string,
  before: { workload: Manifest; service: Manifest; template: object },
  replicas = 3,
): Promise<void> {
  await rig.settled();
  const versions = (await rig.configurations()).map((one) => one.version);
  expect(versions).toEqual(Array(replicas).fill(version));
  const after = await rig.configured();
  expect(after.service).toEqual(before.service);
  const { spec, ...rest } = withoutTemplate(before.workload);
  expect(withoutTemplate(after.workload)).toEqual({ ...rest, spec: { ...(spec as object), replicas } });
  expect((after.workload.spec as { template: object }).template).toEqual(before.template);
  expect(await leftBehind(rig)).toEqual([]);
}
