import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Registry } from '../../src/adapters/registry/registry.ts';
import type { ImageReference } from '../../src/model/release.ts';

/** A registry with images that the test can put there, take away and damage. */
export interface RegistryFixture {
  registry: Registry;
  /** How the image of a tag is named, e.g. `shop:v1`. */
  nameOf(tag: string): string;
  /** The summary of the error where nothing can be read. */
  unreadable: string;
  /** Whether every layer is read, or the registry's word is taken for its content. */
  readsLayers: boolean;
  /** Puts an image of this content there under the tag; moves the tag if it is there. */
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
        reference: fixture.nameOf('v1'),
        exists: true,
        tagDigest: image.digest,
        problem: undefined,
      });
    });

    test('an image that was never there', async () => {
      const digest = `sha256:${'0'.repeat(64)}`;
      await fixture.push('v1', 'one');
      expect(await lookUp({ reference: fixture.nameOf('v9'), digest })).toEqual({
        reference: fixture.nameOf('v9'),
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
        reference: fixture.nameOf('v1'),
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
      expect(facts.exists).toBe(false);
      // Some registries take the tags of a deleted manifest with it.
      if (part !== 'manifest' || facts.tagDigest !== undefined) expect(facts.tagDigest).toBe(image.digest);
      expect(facts.problem).toMatch(/^Blob sha256:[0-9a-f]{64} is missing\.$/);
    });

    test.each(PARTS)('an image whose %s is damaged does not exist, where it is read', async (part) => {
      const image = await fixture.push('v1', 'one');
      await fixture.damage(image, part, 'flip');
      const facts = await lookUp(image);
      if (part === 'layer' && !fixture.readsLayers) {
        expect(facts.exists, 'the word of the registry').toBe(true);
        return;
      }
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
      await fixture.damage(image, 'config', 'flip');
      expect((await lookUp(image)).exists).toBe(false);
      await fixture.remove(image, 'config');
      await fixture.push('v1', 'one');
      expect((await lookUp(image)).exists).toBe(true);
    });

    test('a folder of an image is read by digest, whatever became of its tag', async () => {
      const image = await fixture.push('v1', 'one');
      await fixture.push('v1', 'another');
      const read = fixture.registry.folderReader('/');
      expect(await read(image, NEVER)).toEqual([{ path: 'a', content: 'one' }]);
      expect(await fixture.registry.folderReader('/db')(image, NEVER)).toBeUndefined();
    });

    test.each(PARTS)('where the %s is damaged or gone, a folder is an error, not an answer', async (part) => {
      const image = await fixture.push('v1', 'one');
      const read = () => fixture.registry.folderReader('/')(image, NEVER);
      const unreadable = {
        code: 'IMAGE_FOLDER_UNREADABLE',
        summary: `The folder / of the image ${image.reference} can't be read`,
      };
      await fixture.damage(image, part, 'flip');
      await expect(read()).rejects.toMatchObject({
        ...unreadable,
        detail: expect.stringMatching(/^Blob sha256:[0-9a-f]{64} has the content of sha256:[0-9a-f]{64}\.$/),
      });
      await fixture.damage(image, part, 'cut');
      await expect(read()).rejects.toMatchObject(unreadable);
      await fixture.remove(image, part);
      await expect(read()).rejects.toMatchObject({
        ...unreadable,
        detail: expect.stringMatching(/^Blob sha256:[0-9a-f]{64} is missing\.$/),
      });
    });

    test('where nothing can be read it is an error, not an answer', async () => {
      const image = await fixture.push('v1', 'one');
      await fixture.destroy();
      await expect(lookUp(image)).rejects.toMatchObject({
        code: 'REGISTRY_UNREACHABLE',
        summary: fixture.unreadable,
      });
      await expect(fixture.registry.folderReader('/')(image, NEVER)).rejects.toMatchObject({
        code: 'REGISTRY_UNREACHABLE',
      });
    });

    test('stops when it is aborted', async () => {
      const image = await fixture.push('v1', 'one');
      const reason = new Error('too late');
      await expect(fixture.registry.lookUp(image, AbortSignal.abort(reason))).rejects.toBe(reason);
      const reading = fixture.registry.folderReader('/')(image, AbortSignal.abort(reason));
      await expect(reading).rejects.toBe(reason);
    });
  });
}
