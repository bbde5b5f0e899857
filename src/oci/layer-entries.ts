import type { ReadEntry } from 'tar';
import { imageInvalid, imageTooLarge, imageUnsupported } from './image-error.ts';

/** What may still be unpacked; counted down. Keeps a small blob from filling the disk. */
export interface Allowance {
  /** Of uncompressed layers. */
  bytes: number;
  entries: number;
}

/** Of tar, bytes. */
const BLOCK = 512;

/** The tar stream's entries, handed over one at a time; `write` waits while they are worked on. */
export async function entriesOf(
  digest: string,
  allowance: Allowance,
  onEntry: (entry: ReadEntry) => Promise<void>,
) {
  const { Parser } = await import('tar');
  let failure: unknown;
  let handled = Promise.resolve();
  let sawEnd = false;
  let failedNow: () => void;
  const failed = new Promise<void>((resolve) => {
    failedNow = resolve;
  });
  const fail = (error: unknown) => {
    failure ??= error;
    failedNow();
  };
  const malformed = (message: unknown) => {
    const why = message instanceof Error ? message.message : String(message);
    // A layer without entries is a valid one.
    if (sawEnd && why === 'Unrecognized archive format') return;
    fail(imageInvalid(digest, `It is not a tar archive: ${why}.`));
  };
  const parser = new Parser({ onwarn: (_code, message) => malformed(message) });
  const next = (event: string) => new Promise<void>((resolve) => parser.once(event, () => resolve()));
  const finished = next('end');
  parser.on('error', malformed);
  parser.on('eof', () => {
    sawEnd = true;
  });
  parser.on('meta', (text: string) => {
    if (text.includes('GNU.sparse.')) fail(imageUnsupported(digest, 'It has sparse files.'));
  });
  parser.on('ignoredEntry', ({ path, type }: ReadEntry) => {
    fail(imageUnsupported(`The image's entry "${path}"`, `It is of type ${type}, which is not known here.`));
  });
  let last: ReadEntry | undefined;
  let size = 0;
  parser.on('entry', (entry: ReadEntry) => {
    last = entry;
    if (--allowance.entries < 0) fail(imageTooLarge('Its layers have more than 200,000 entries.'));
    handled = handled.then(async () => {
      if (failure !== undefined) return;
      await onEntry(entry).catch(fail);
      entry.resume();
    });
  });
  const check = () => {
    if (failure !== undefined) throw failure;
  };
  let start: Buffer | undefined = Buffer.alloc(0);
  return {
    async write(chunk: Buffer): Promise<void> {
      size += chunk.length;
      let bytes = chunk;
      if (start) {
        bytes = Buffer.concat([start, chunk]);
        start = bytes.length < 4 ? bytes : undefined;
        if (start) return;
        refuseCompressed(bytes, digest);
      }
      if (!parser.write(bytes)) await Promise.race([next('drain'), failed]);
      check();
    },
    async end(): Promise<void> {
      if (start) malformed('It has no entries and no end');
      check();
      // umoci and others leave out what fills the last file's last block; what counts is that its bytes are all there.
      const inBlock = size % BLOCK;
      if (last && inBlock > 0 && lacksOnlyFilling(last, inBlock)) {
        // With the two blocks that end an archive: the parser takes nothing that is shorter than a block.
        parser.write(Buffer.alloc(BLOCK - inBlock + 2 * BLOCK));
      }
      parser.end();
      await Promise.race([finished, failed]);
      await handled;
      check();
    },
    /** Waits for the entry in hand, so that nothing is written any more afterwards. */
    async stop(): Promise<void> {
      fail(new Error('Stopped.'));
      parser.end();
      await handled;
    },
  };
}

/** Whether every byte of an unfinished file is there, given how many bytes of the last block are. */
function lacksOnlyFilling(file: ReadEntry, inBlock: number): boolean {
  // The parser may have held the last block's bytes back until the block is whole.
  const heldBack = file.blockRemain - (BLOCK - inBlock);
  return file.blockRemain > 0 && file.blockRemain <= BLOCK && file.remain <= heldBack;
}

/** The parser would unpack it once more by itself, past diffID and limits. */
function refuseCompressed(start: Buffer, digest: string): void {
  const magic = start.subarray(0, 4).toString('hex');
  if (magic.startsWith('1f8b') || magic === '28b52ffd') {
    throw imageInvalid(digest, 'It is compressed in another way than its media type says.');
  }
}
