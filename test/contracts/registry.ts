import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Registry } from '../../src/adapters/registry/registry.ts';
import type { ImageReference } from '../../src/model/release.ts';

/** A registry with images that the test can put there, take away and damage. */
export interface RegistryFixture {
  registry: Registry;
  /** Puts an image of this content there under the tag `shop:<tag>`; moves the tag if it is there. */
  push(tag: string, content: string): Promise<ImageReference>;
  /** Takes the tag away and leaves the content. */
  untag(tag: string): Promise<void>;
  /** Takes the content away: the manifest, its configuration or its layer. */
  remove(image: ImageReference, part: ImagePart): Promise<void>;
  /** Puts other bytes of the same length in its place; `cut` makes it shorter. */
  damage(image: ImageReference, part: ImagePart, how: 'flip' | 'cut'): Promise<void>;
  /** Makes the whole registry one that can't be read. */
  destroy(): Promise<void>;
  end(): Promise<void>;
}

export type ImagePart = 'manifest' | 'config' | 'layer';

const NEVER = new AbortController().signal;
const PARTS: ImagePart[] = ['manifest', 'config', 'layer'];

/** What every `Registry` must do. */
export function registryContract(kind: string, create: () => Promise<RegistryFixture>): void {
  describe(`registry contract: ${kind}`, () => {
    let fixture: RegistryFixture;
    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(() => fixture.end());

    const lookUp = (image: ImageReference) => fixture.registry.lookUp(image, NEVER);

    test('an image that is there, and whose tag still means it', async () => {
      const image = await fixture.push('v1', 'one');
      await fixture.push('v2', 'two');
      expect(await lookUp(image)).toEqual({
        reference: 'shop:v1',
        exists: true,
        tagDigest: image.digest,
        problem: undefined,
      });
    });

    test('an image that was never there', async () => {
      const digest = `sha256:${'0'.repeat(64)}`;
      await fixture.push('v1', 'one');
      expect(await lookUp({ reference: 'shop:v9', digest })).toEqual({
        reference: 'shop:v9',
        exists: false,
        tagDigest: undefined,
        problem: `Blob ${digest} is missing.`,
      });
    });

    test('a tag that was moved: the content that was deployed is looked for, and the move is told', async () => {
      const deployed = await fixture.push('v1', 'one');
      const now = await fixture.push('v1', 'another');
      expect(now.digest).not.toBe(deployed.digest);
      expect(await lookUp(deployed)).toEqual({
        reference: 'shop:v1',
        exists: true,
        tagDigest: now.digest,
        problem: undefined,
      });
    });

    test('a tag that is gone does not take the content with it', async () => {
      const image = await fixture.push('v1', 'one');
      await fixture.untag('v1');
      expect(await lookUp(image)).toMatchObject({ exists: true, tagDigest: undefined });
    });

    test.each(PARTS)('an image whose %s is gone does not exist', async (part) => {
      const image = await fixture.push('v1', 'one');
      await fixture.remove(image, part);
      const facts = await lookUp(image);
      expect(facts).toMatchObject({ exists: false, tagDigest: image.digest });
      expect(facts.problem).toMatch(/^Blob sha256:[0-9a-f]{64} is missing\.$/);
    });

    test.each(PARTS)('an image whose %s is damaged does not exist', async (part) => {
      const image = await fixture.push('v1', 'one');
      await fixture.damage(image, part, 'flip');
      const facts = await lookUp(image);
      expect(facts).toMatchObject({ exists: false, tagDigest: image.digest });
      expect(facts.problem).toMatch(/^Blob sha256:[0-9a-f]{64} has the content of sha256:[0-9a-f]{64}\.$/);
    });

    test('an image whose layer was cut off does not exist', async () => {
      const image = await fixture.push('v1', 'one');
      await fixture.damage(image, 'layer', 'cut');
      const facts = await lookUp(image);
      expect(facts.exists).toBe(false);
      expect(facts.problem).toMatch(/^Blob sha256:[0-9a-f]{64} is \d+ bytes long, not \d+\.$/);
    });

    test('looks anew each time', async () => {
      const image = await fixture.push('v1', 'one');
      expect((await lookUp(image)).exists).toBe(true);
      await fixture.damage(image, 'layer', 'flip');
      expect((await lookUp(image)).exists).toBe(false);
      await fixture.remove(image, 'layer');
      await fixture.push('v1', 'one');
      expect((await lookUp(image)).exists).toBe(true);
    });

    test('where nothing can be read it is an error, not an answer', async () => {
      const image = await fixture.push('v1', 'one');
      await fixture.destroy();
      await expect(lookUp(image)).rejects.toMatchObject({
        code: 'REGISTRY_UNREACHABLE',
        summary: `The image store ${fixture.registry.name} can't be read`,
      });
    });

    test('stops when it is aborted', async () => {
      const image = await fixture.push('v1', 'one');
      const reason = new Error('too late');
      await expect(fixture.registry.lookUp(image, AbortSignal.abort(reason))).rejects.toBe(reason);
    });
  });
}
