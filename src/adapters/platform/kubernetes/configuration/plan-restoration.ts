import {
  configReferences,
  type Reference,
  type Renames,
  withReferences,
} from '../../../../kubernetes/config-references.ts';
import type {
  ConfigurationKind,
  ConfigurationToday,
  ObjectDigest,
} from '../../../../kubernetes/configuration-objects.ts';
import type { PodTemplate } from '../../../../kubernetes/objects.ts';
import { emptyCopyName, type PlannedCopy, sameKeys } from './copies.ts';
import type { RecordedObject, ReleaseSnapshot } from './release-snapshot.ts';

export interface RestorationInput {
  service: string;
  /** For sentences, e.g. `v2.14.3`. */
  version: string;
  /** The target's, as its revision has it. */
  template: PodTemplate;
  /** Of the target; undefined where it was not recorded. */
  snapshot: ReleaseSnapshot | undefined;
  today: ConfigurationToday;
  /** Names of Secrets that go back. */
  restoreSecrets: string[];
  /** The service's copies that are there, `KIND/NAME`; undefined where that is not known, then they are taken to be. */
  copies?: ReadonlySet<string> | undefined;
}

/** What goes back with a release, as data: nothing is made yet. */
export interface Restoration {
  /** With references to copies where today's content differs; else the very template. */
  template: PodTemplate;
  /** What the template refers to now. */
  copies: PlannedCopy[];
  /** What goes back, a sentence each. */
  says: string[];
  /** What is used as it is today though it has changed or was not recorded, a sentence each. */
  differs: string[];
  /** Why the release can't have its configuration, a sentence each; empty where it can. */
  missing: string[];
  /** Whether the template refers to something and no snapshot says what it was. */
  unrecorded: boolean;
}

/**
 * Which references must be renamed so that the target gets the configuration it had. Pure. An object whose used part is
 * the same today keeps its name; what was not there then (an optional reference) becomes an empty copy.
 */
export function planRestoration(input: RestorationInput): Restoration {
  const { template, snapshot } = input;
  const references = configReferences(template);
  const rename: Renames = { configMaps: {}, secrets: {} };
  const plan: Restoration = {
    template,
    copies: [],
    says: [],
    differs: [],
    missing: [],
    unrecorded: !snapshot && references.configMaps.length + references.secrets.length > 0,
  };
  for (const [kind, list] of [
    ['ConfigMap', references.configMaps],
    ['Secret', references.secrets],
  ] as const) {
    for (const reference of list) {
      const copy = decide(input, plan, kind, reference);
      if (!copy) continue;
      plan.copies.push(copy);
      rename[kind === 'ConfigMap' ? 'configMaps' : 'secrets'][reference.name] = copy.name;
    }
  }
  plan.template = withReferences(template, rename);
  return plan;
}

function decide(
  input: RestorationInput,
  plan: Restoration,
  kind: ConfigurationKind,
  reference: Reference,
): PlannedCopy | undefined {
  const { snapshot, today, version, restoreSecrets } = input;
  const { name } = reference;
  const what = `${kind} ${name}`;
  const recorded = find(snapshot?.objects, kind, name);
  const now = find(today.objects, kind, name) ?? { kind, name, exists: false, keys: {} };
  const comparable = kind === 'ConfigMap' || snapshot?.keyId === today.keyId;
  if (recorded && comparable && usable(now, reference) && sameUse(recorded, now, reference)) return undefined;
  if (!recorded || (kind === 'Secret' && !restoreSecrets.includes(name))) {
    const lacking = lacks(now, reference);
    if (lacking) plan.missing.push(`${version} needs ${lacking}, which is not there today.`);
    else if (recorded) {
      plan.differs.push(
        comparable
          ? `${what} has changed since ${version} was recorded; today's is used.`
          : `${what} can't be compared: the key that fingerprints are made with is another one. Today's is used.`,
      );
    } else if (snapshot) plan.differs.push(`${what} was not recorded with ${version}; today's is used.`);
    return undefined;
  }
  if (!comparable) {
    plan.missing.push(
      `${what} can't be checked against its copy: the key of the fingerprints is another one.`,
    );
    return undefined;
  }
  const copy = copyOf(input, recorded);
  if (!copy) {
    plan.missing.push(
      recorded.copy === undefined
        ? `${what} has changed, and no copy of it was made when ${version} was recorded.`
        : `${what} has changed, and its copy ${recorded.copy} is gone.`,
    );
    return undefined;
  }
  plan.says.push(
    recorded.exists
      ? `${what} ${now.exists ? 'has changed' : 'is gone today'}; ${version} gets ${copy.name}, a copy of what it had.`
      : `${what} was not there when ${version} ran; it gets the empty ${copy.name}.`,
  );
  return copy;
}

function copyOf({ service, copies }: RestorationInput, recorded: RecordedObject): PlannedCopy | undefined {
  const { kind, name: of, keys, copy, exists } = recorded;
  if (!exists) return { kind, name: emptyCopyName(service, of), of, keys: {} };
  if (copy === undefined || (copies && !copies.has(`${kind}/${copy}`))) return undefined;
  return { kind, name: copy, of, keys };
}

function find<T extends ObjectDigest>(objects: T[] | undefined, kind: ConfigurationKind, name: string) {
  return objects?.find((one) => one.kind === kind && one.name === name);
}

/** A pod could start with it. */
function usable(now: ObjectDigest, reference: Reference): boolean {
  return lacks(now, reference) === undefined;
}

/** What a pod would not start without. */
function lacks(now: ObjectDigest, { optional, keys }: Reference): string | undefined {
  if (!now.exists) return optional ? undefined : `${now.kind} ${now.name}`;
  const key = Object.keys(keys).find((each) => keys[each] && !Object.hasOwn(now.keys, each));
  return key === undefined ? undefined : `the key ${key} of ${now.kind} ${now.name}`;
}

/** Whether what the template takes of it is the same. */
function sameUse(a: ObjectDigest, b: ObjectDigest, { whole, keys }: Reference): boolean {
  return whole ? sameKeys(a.keys, b.keys) : Object.keys(keys).every((key) => a.keys[key] === b.keys[key]);
}
