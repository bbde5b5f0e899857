/** A duration for people: `40ms`, `8.4s`, `2m 34s`, `1h 2m`. A trailing zero part is left out. */
export function formatDuration(ms: number): string {
  if (ms < 100) return `${Math.max(0, Math.round(ms))}ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return parts(Math.floor(seconds / 60), 'm', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  return parts(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
}

/** ms between two ISO 8601 moments; never below 0, though the wall clock may jump. */
export function between(start: string, end: string): number {
  return Math.max(0, Date.parse(end) - Date.parse(start));
}

/** `2026-03-15 10:32:00 UTC` */
export function formatMoment(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** `10:32:00`, UTC. */
export function timeOfDay(iso: string): string {
  return iso.slice(11, 19);
}

/** `1 instance`, `3 instances`. */
export function count(n: number, noun: { one: string; many: string }): string {
  return `${n} ${n === 1 ? noun.one : noun.many}`;
}

/** `0.01%`: a ratio 0-1 with two decimals. */
export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(2)}%`;
}

/** `1.5 MB`: bytes in decimal units. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/** Without the one full stop at the end, so that a sentence can be put inside another. */
export function unstopped(sentence: string): string {
  return sentence.trimEnd().replace(/\.$/, '');
}

/** With a full stop at the end. */
export function stopped(sentence: string): string {
  return /[.!?]$/.test(sentence.trimEnd()) ? sentence.trimEnd() : `${sentence.trimEnd()}.`;
}

/** Texts that came from outside may hold control characters; a terminal would obey them. Line breaks become spaces. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function parts(high: number, highUnit: string, low: number, lowUnit: string): string {
  return low === 0 ? `${high}${highUnit}` : `${high}${highUnit} ${low}${lowUnit}`;
}
