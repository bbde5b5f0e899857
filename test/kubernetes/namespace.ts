import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Manifest } from './manifests.ts';
import { type ProcessOptions, type ProcessResult, runProcess } from './run-process.ts';

/** A namespace of the real cluster that one test has for itself. */
export interface TestNamespace {
  name: string;
  /** kubectl in this namespace. @throws where it fails, with its output */
  kubectl(args: string[], options?: ProcessOptions): Promise<ProcessResult>;
  /** Applies the objects. */
  apply(...objects: Manifest[]): Promise<void>;
  /** One object, e.g. `get('deployment/api')`. @throws where there is none */
  get<T extends object = Manifest>(object: string): Promise<T>;
  /** All of a kind, e.g. `list('pods', '-l', 'app=api')`. */
  list<T extends object = Manifest>(kind: string, ...more: string[]): Promise<T[]>;
  /** JSON merge patch. */
  patch(object: string, change: object): Promise<void>;
  /** JSON patch. */
  patchJson(object: string, operations: object[]): Promise<void>;
  /** Deletes the namespace; what is in it ends in the background. */
  dispose(): Promise<void>;
}

/** @param prefix Of its name, to which a random suffix is added. */
export async function testNamespace(prefix = 'rda-test'): Promise<TestNamespace> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  const kubectl = (args: string[], options?: ProcessOptions) =>
    runProcess('kubectl', ['--namespace', name, ...args], options);
  await runProcess('kubectl', ['create', 'namespace', name]);
  // Pods are refused until the controller has made it.
  await until(async () => {
    const { stdout } = await kubectl(['get', 'serviceaccounts', '--output', 'name']);
    return stdout.includes('/default');
  });
  return {
    name,
    kubectl,
    async apply(...objects) {
      const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
      await kubectl(['apply', '--filename', '-'], { input });
    },
    async get(object) {
      return JSON.parse((await kubectl(['get', object, '--output', 'json'])).stdout);
    },
    async list(kind, ...more) {
      return JSON.parse((await kubectl(['get', kind, '--output', 'json', ...more])).stdout).items;
    },
    async patch(object, change) {
      await kubectl(['patch', object, '--type', 'merge', '--patch', JSON.stringify(change)]);
    },
    async patchJson(object, operations) {
      await kubectl(['patch', object, '--type', 'json', '--patch', JSON.stringify(operations)]);
    },
    async dispose() {
      // Pods of a test that is over need not end in peace.
      await kubectl(['delete', 'pods', '--all', '--grace-period=1', '--wait=false']);
      await runProcess('kubectl', ['delete', 'namespace', name, '--wait=false']);
    },
  };
}

/** Polls until it holds; the test's own time limit ends it. */
export async function until(holds: () => Promise<boolean> | boolean, everyMs = 50): Promise<void> {
  while (!(await holds())) await wait(everyMs);
}
