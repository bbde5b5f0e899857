import type { Container, PodSpec, PodTemplate } from './objects.ts';

/** A ConfigMap or Secret that a pod template names, all of its uses taken together. */
export interface Reference {
  name: string;
  /** Pods start without it: every use says so. */
  optional: boolean;
  /** Every key is used: `envFrom`, or a volume without `items`. */
  whole: boolean;
  /** Keys named one by one, sorted; true where a pod does not start without the key. */
  keys: Record<string, boolean>;
}

export interface References {
  configMaps: Reference[];
  secrets: Reference[];
}

/** New names by old ones. */
export interface Renames {
  configMaps: Record<string, string>;
  secrets: Record<string, string>;
}

/**
 * The ConfigMaps and Secrets that the containers of a template are configured with: `env`, `envFrom`, volumes and
 * projected volumes, of init containers too. Pull secrets and credentials of storage drivers are not among them: they
 * belong to the cluster, not to the release. Sorted by name.
 */
export function configReferences(template: PodTemplate): References {
  const found = { configMaps: new Map<string, Reference>(), secrets: new Map<string, Reference>() };
  mapReferences(template, (use) => {
    const known = found[use.kind].get(use.name);
    found[use.kind].set(use.name, merge(known, use));
    return use.name;
  });
  return { configMaps: sorted(found.configMaps), secrets: sorted(found.secrets) };
}

/** The template with other names in its references, and otherwise the same to the byte; the same object where none is renamed. */
export function withReferences(template: PodTemplate, rename: Renames): PodTemplate {
  return mapReferences(template, ({ kind, name }) =>
    Object.hasOwn(rename[kind], name) ? (rename[kind][name] as string) : name,
  );
}

/** All references of several templates; a use that is required in one of them is required. */
export function allReferences(templates: PodTemplate[]): References {
  const each = templates.map(configReferences);
  const together = (kind: keyof References) => {
    const found = new Map<string, Reference>();
    for (const reference of each.flatMap((one) => one[kind])) {
      const known = found.get(reference.name);
      found.set(reference.name, known ? unite(known, reference) : reference);
    }
    return sorted(found);
  };
  return { configMaps: together('configMaps'), secrets: together('secrets') };
}

interface Use {
  kind: keyof References;
  name: string;
  optional: boolean;
  /** undefined for all of them. */
  keys: string[] | undefined;
}

interface ObjectRef {
  name?: string;
  optional?: boolean;
  key?: string;
  items?: { key: string }[];
}
type SecretVolume = Omit<ObjectRef, 'name'> & { secretName?: string };

type NewName = (use: Use) => string;

/** One walk for reading and for renaming, so that what is read is what is renamed. */
function mapReferences(template: PodTemplate, newName: NewName): PodTemplate {
  const { spec } = template;
  const containers = mapList(spec.containers, (one) => mapContainer(one, newName));
  const initContainers = spec.initContainers && mapList(spec.initContainers, (c) => mapContainer(c, newName));
  const volumes = spec.volumes && mapList(spec.volumes, (one) => mapVolume(one, newName));
  const changed = change(spec, { containers, initContainers, volumes });
  return change(template, { spec: changed });
}

function mapContainer(container: Container, newName: NewName): Container {
  const env =
    container.env &&
    mapList(container.env, (one) => {
      const { valueFrom } = one;
      if (!valueFrom) return one;
      const configMapKeyRef = mapRef('configMaps', valueFrom.configMapKeyRef, newName);
      const secretKeyRef = mapRef('secrets', valueFrom.secretKeyRef, newName);
      return change(one, { valueFrom: change(valueFrom, { configMapKeyRef, secretKeyRef }) });
    });
  const envFrom =
    container.envFrom &&
    mapList(container.envFrom, (one) =>
      change(one, {
        configMapRef: mapRef('configMaps', one.configMapRef, newName),
        secretRef: mapRef('secrets', one.secretRef, newName),
      }),
    );
  return change(container, { env, envFrom });
}

type Volume = NonNullable<PodSpec['volumes']>[number];

function mapVolume(volume: Volume, newName: NewName): Volume {
  const sources =
    volume.projected?.sources &&
    mapList(volume.projected.sources, (one) =>
      change(one, {
        configMap: mapRef('configMaps', one.configMap, newName),
        secret: mapRef('secrets', one.secret, newName),
      }),
    );
  return change(volume, {
    configMap: mapRef('configMaps', volume.configMap, newName),
    secret: mapSecretVolume(volume.secret, newName),
    projected: volume.projected && change(volume.projected, { sources }),
  });
}

function mapRef<T extends ObjectRef>(
  kind: keyof References,
  ref: T | undefined,
  newName: NewName,
): T | undefined {
  if (!ref?.name) return ref;
  return change<ObjectRef>(ref, { name: newName(useOf(kind, ref.name, ref)) }) as T;
}

/** Only here is the name called something else. */
function mapSecretVolume<T extends SecretVolume>(ref: T | undefined, newName: NewName): T | undefined {
  if (!ref?.secretName) return ref;
  return change<SecretVolume>(ref, { secretName: newName(useOf('secrets', ref.secretName, ref)) }) as T;
}

function useOf(kind: keyof References, name: string, ref: Omit<ObjectRef, 'name'>): Use {
  const items = ref.items && ref.items.length > 0 ? ref.items.map(({ key }) => key) : undefined;
  return { kind, name, optional: ref.optional ?? false, keys: ref.key === undefined ? items : [ref.key] };
}

function merge(known: Reference | undefined, { name, optional, keys }: Use): Reference {
  const used = Object.fromEntries((keys ?? []).map((key) => [key, !optional]));
  const one: Reference = { name, optional, whole: keys === undefined, keys: used };
  return known ? unite(known, one) : one;
}

function unite(a: Reference, b: Reference): Reference {
  const names = [...new Set([...Object.keys(a.keys), ...Object.keys(b.keys)])].sort();
  return {
    name: a.name,
    optional: a.optional && b.optional,
    whole: a.whole || b.whole,
    keys: Object.fromEntries(names.map((key) => [key, (a.keys[key] ?? false) || (b.keys[key] ?? false)])),
  };
}

/** The same object where nothing differs, else a copy with its fields in the same order. */
function change<T extends object>(object: T, fields: Partial<{ [K in keyof T]: T[K] | undefined }>): T {
  const differing = Object.entries(fields).filter(([key, value]) => object[key as keyof T] !== value);
  return differing.length === 0 ? object : { ...object, ...Object.fromEntries(differing) };
}

function mapList<T>(list: T[], map: (item: T) => T): T[] {
  const mapped = list.map(map);
  return mapped.every((item, i) => item === list[i]) ? list : mapped;
}

function sorted(found: Map<string, Reference>): Reference[] {
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
