import { ApiError } from '../../../../kubernetes/api-error.ts';
import type { Finding, FindingStatus } from '../../../../model/finding.ts';

type Rest = Partial<Pick<Finding, 'evidence' | 'fix' | 'headline' | 'blocking'>>;

/** A finding; one that failed stops, any other does not, unless said. */
export function findingOf(check: string, status: FindingStatus, title: string, rest: Rest = {}): Finding {
  return {
    check,
    status,
    title,
    evidence: [],
    fix: [],
    blocking: status === 'fail',
    headline: false,
    ...rest,
  };
}

/** What one look found; where looking failed, that is said as unknown, and does not stop. */
export async function looked(
  check: string,
  what: string,
  signal: AbortSignal,
  look: () => Promise<Finding[]>,
): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    signal.throwIfAborted();
    return [findingOf(check, 'unknown', `${what}: not known`, { evidence: [saysOf(error)] })];
  }
}

/** The server's own sentence where there is one. */
export function saysOf(error: unknown): string {
  if (error instanceof ApiError) return error.says;
  return error instanceof Error ? error.message : String(error);
}
