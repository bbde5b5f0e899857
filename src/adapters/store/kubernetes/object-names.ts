import { createHash } from 'node:crypto';
import { PREFIX } from '../../../kubernetes/names.ts';

/** Label: id of the run that a ConfigMap of a journal belongs to (`labelValue`). */
export const RUN_LABEL = `${PREFIX}/run-id`;
/** Label: kind of the document that a ConfigMap holds (`labelValue`). */
export const DOCUMENT_LABEL = `${PREFIX}/document`;
/** Annotation of the open end of a run's journal: JSON of a `RunHeader`. Every write is conditional on it. */
export const HEADER_ANNOTATION = `${PREFIX}/journal`;
/** Annotation of a Lease: JSON of a `LeaseVersion`. Every write is conditional on it. */
export const LEASE_ANNOTATION = `${PREFIX}/lease`;
/** Annotation of a document: JSON of its kind, name and version. Every write is conditional on it. */
export const DOCUMENT_ANNOTATION = `${PREFIX}/document`;

/** Name of the Lease of a service. */
export function leaseName(service: string): string {
  return `${PREFIX}-${namePart(service)}`;
}

/** Name of the ConfigMap that is the open end of a run's journal. */
export function headName(runId: string): string {
  return `${PREFIX}-run-${namePart(runId)}`;
}

/** Name of a sealed ConfigMap of a run's journal, by the hash of its content. */
export function sealedName(runId: string, hash: string): string {
  return `${PREFIX}-journal-${namePart(runId)}-${hash}`;
}

/** Name of the ConfigMap of a document. */
export function documentName(kind: string, name: string): string {
  return `${PREFIX}-document-${slug(kind)}-${slug(name)}-${hashOf(JSON.stringify([kind, name]), 12)}`;
}

/** The text as a label's value: as it is where it may be one, else shortened and with a hash. */
export function labelValue(text: string): string {
  if (/^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(text)) return text;
  return `${slug(text)}-${hashOf(text, 12)}`;
}

/** Hexadecimal SHA-256, the first so many digits. */
export function hashOf(content: string | Buffer, digits: number): string {
  return createHash('sha256').update(content).digest('hex').slice(0, digits);
}

/** Two texts never give one part: what has to be changed for a name gets a hash. */
function namePart(text: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?$/.test(text)) return text;
  return `${slug(text)}-${hashOf(text, 12)}`;
}

/** Letters, digits and single dashes, at most 40; `x` where nothing is left. */
function slug(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return plain === '' ? 'x' : plain;
}
