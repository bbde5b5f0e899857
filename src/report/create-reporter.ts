import type { Reporter, ReporterParts } from './reporter.ts';

/** The reporter for where the output goes; loads only what that one needs. */
export async function createReporter(parts: ReporterParts): Promise<Reporter> {
  if (parts.output === 'json') return (await import('./json.ts')).createJsonReporter(parts);
  if (parts.interactive) return (await import('./live-view.ts')).createLiveView(parts);
  return (await import('./text-stream.ts')).createTextStream(parts);
}
