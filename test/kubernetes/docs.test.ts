import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Page, readPage } from '../docs-pages.ts';
import { createShell, type Ran, runPage, type Shell } from '../docs-typed.ts';
import { pushImage } from './images.ts';
import { type TestNamespace, testNamespace } from './namespace.ts';

const hasCluster = Boolean(process.env.KUBECONFIG && process.env.REGISTRY);
if (!hasCluster) console.warn('SKIPPED: docs/kubernetes.md is not typed. Set KUBECONFIG and REGISTRY.');

const IMAGE = 'registry.example.com/shop/api';

describe.skipIf(!hasCluster)('docs/kubernetes.md, typed from its first command to its last', () => {
  let page: Page;
  let namespace: TestNamespace;
  let folder: string;
  let shell: Shell;
  /** Names of this cluster in the place of the page's. */
  const here = (text: string) =>
    text
      .replaceAll(IMAGE, `${process.env.REGISTRY}/rda-test/api`)
      .replaceAll(/(-n|namespace) shop\b/g, `$1 ${namespace.name}`);

  beforeAll(async () => {
    page = await readPage('docs/kubernetes.md');
    namespace = await testNamespace();
    folder = await mkdtemp(join(tmpdir(), 'docs-kubernetes-'));
    shell = await createShell(folder);
    await pushImage('v2.14.3');
    await pushImage('v2.14.4');
  });
  afterAll(async () => {
    await namespace?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function typed(line: string): Promise<Ran> {
    const ran = await shell.run(here(line));
    expect(ran, line).toMatchObject({ code: 0 });
    return ran;
  }

  test('the example is applied and deployed as its text says', async () => {
    for (const { file, text } of page.fences) {
      if (file !== undefined) await writeFile(join(folder, file), here(text));
    }
    const text = await readFile('docs/kubernetes.md', 'utf8');
    const commands = [...text.matchAll(/`(kubectl (?:apply|set image) [^`]*shop[^`]*)`/g)].map(
      ([, one]) => one,
    );
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      await typed(command as string);
      await typed('kubectl rollout status deployment/api -n shop --timeout 60s');
    }
  });

  test('five commands lead to the first rollback, and the rest of the page works', async () => {
    const [first] = page.fences.filter(({ language }) => language === 'sh');
    expect(first?.text.trim().split('\n')).toHaveLength(5);
    const answers = new Map<string, string>();
    await runPage(page, shell, {
      prepare: async () => {},
      typed: async (line) => here(line),
      after: async (line, { stdout }) => void answers.set(line, stdout),
    });
    const said = (part: string) =>
      [...answers].find(([line]) => line.includes(part))?.[1] ?? `nobody typed ${part}`;
    expect(said('plan ')).toContain('Nothing was changed.');
    expect(said('--monitor 0')).toContain('Rollback to v2.14.3 completed in');
    expect(said('show last')).toContain('checkout fails');
    expect(said('status ')).toContain('Traffic: 3/3 on v2.14.3');
    const { spec } = await namespace.get<{
      spec: { template: { spec: { containers: { image: string }[] } } };
    }>('deployment/api');
    expect(spec.template.spec.containers[0]?.image).toBe(`${process.env.REGISTRY}/rda-test/api:v2.14.3`);
  });
});
