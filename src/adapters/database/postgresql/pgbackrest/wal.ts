/** A WAL segment by its file name: timeline, and its number on it. */
interface Segment {
  timeline: string;
  number: number;
}

/** How many segments share the first 16 digits of their names. */
function perFolder(segmentBytes: number): number {
  return 0x1_0000_0000 / segmentBytes;
}

function parse(name: string, segmentBytes: number): Segment {
  const high = Number.parseInt(name.slice(8, 16), 16);
  const low = Number.parseInt(name.slice(16, 24), 16);
  return { timeline: name.slice(0, 8), number: high * perFolder(segmentBytes) + low };
}

function format({ timeline, number }: Segment, segmentBytes: number): string {
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
  const folder = perFolder(segmentBytes);
  return timeline + hex(Math.floor(number / folder)) + hex(number % folder);
}

/**
 * Names of all segments from the first to the last, both included; undefined where they are of two timelines, between
 * which no counting leads.
 */
export function segmentsBetween(first: string, last: string, segmentBytes: number): string[] | undefined {
  const from = parse(first, segmentBytes);
  const to = parse(last, segmentBytes);
  if (from.timeline !== to.timeline) return undefined;
  const names: string[] = [];
  for (let number = from.number; number <= to.number; number++)
    names.push(format({ timeline: from.timeline, number }, segmentBytes));
  return names;
}

/** Whether the archiver is at that segment or beyond it; it may name a history file or a backup's label instead. */
export function hasReached(archived: string | null, segment: string): boolean {
  const name = /^[0-9A-F]{24}$/.exec(archived ?? '')?.[0];
  return name !== undefined && name >= segment;
}
