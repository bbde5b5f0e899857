import { plain } from './format.ts';

/** Rows as columns two spaces apart, as wide as their widest cell; no trailing spaces. */
export function columns(rows: string[][]): string[] {
  const clean = rows.map((row) => row.map(plain));
  const widths = (clean[0] ?? []).map((_, i) => Math.max(...clean.map((row) => [...(row[i] ?? '')].length)));
  return clean.map((row) =>
    row
      .map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - [...cell].length))
      .join('  ')
      .trimEnd(),
  );
}
