import { parseAllDocuments, stringify } from 'yaml';

interface Role {
  kind: string;
  metadata: { name: string };
  rules: { resources: string[]; verbs: string[] }[];
}

/** The Role alone, under another name, without one verb on one resource. */
export function roleWithout(manifest: string, resource: string, verb: string, name: string): string {
  const objects = parseAllDocuments(manifest).map((document) => document.toJS() as Role);
  const role = objects.find(({ kind }) => kind === 'Role');
  if (!role) throw new Error(`There is no Role in ${manifest}`);
  const rules = role.rules.flatMap((rule) => {
    if (!rule.resources.includes(resource)) return [rule];
    const others = rule.resources.filter((one) => one !== resource);
    const verbs = rule.verbs.filter((one) => one !== verb);
    return [
      ...(others.length > 0 ? [{ ...rule, resources: others }] : []),
      ...(verbs.length > 0 ? [{ ...rule, resources: [resource], verbs }] : []),
    ];
  });
  return stringify({ ...role, metadata: { ...role.metadata, name }, rules });
}
