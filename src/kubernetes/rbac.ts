import { DEFAULT_FEATURES, FEATURES, type RightFeature } from './right-features.ts';
import { apiGroup, NAMED_VERBS } from './rights.ts';

export interface RbacOptions {
  namespace: string;
  /** Who gets the rights. Default `rollback-deploy-auto`, made where it is in the same namespace. */
  serviceAccount?: string | undefined;
  /** Default: `namespace`. Another one for the Role beside Argo CD's applications, say. */
  serviceAccountNamespace?: string | undefined;
  /** Default: `DEFAULT_FEATURES`. */
  features?: readonly RightFeature[] | undefined;
  /** Objects by resource that may be changed, e.g. `{deployments: ['api']}`. Default: all of the namespace. */
  names?: Record<string, string[]> | undefined;
  /** Secrets that hold the credentials of databases; they may be read, and no other for that. Default: none. */
  credentials?: readonly string[] | undefined;
}

/** ServiceAccount, Role and RoleBinding as YAML for `kubectl apply -f -`; comments say what each rule is for. */
export function rbacManifest(options: RbacOptions): string {
  const { namespace, serviceAccount = 'rollback-deploy-auto', features = DEFAULT_FEATURES } = options;
  const accountNamespace = options.serviceAccountNamespace ?? namespace;
  const meta = (name: string) => `metadata:\n  name: ${text(name)}\n  namespace: ${text(namespace)}`;
  const account = `apiVersion: v1\nkind: ServiceAccount\n${meta(serviceAccount)}\n`;
  const rules = [
    ...features.map((feature) => featureRules(feature, options.names ?? {})),
    credentialRules(options.credentials ?? []),
  ].join('');
  const role = `apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n${meta('rollback-deploy-auto')}\nrules:\n${rules}`;
  const binding = [
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: RoleBinding',
    meta(
      serviceAccount === 'rollback-deploy-auto' ? serviceAccount : `rollback-deploy-auto-${serviceAccount}`,
    ),
    'roleRef:',
    '  apiGroup: rbac.authorization.k8s.io',
    '  kind: Role',
    '  name: rollback-deploy-auto',
    'subjects:',
    '  - kind: ServiceAccount',
    `    name: ${text(serviceAccount)}`,
    `    namespace: ${text(accountNamespace)}`,
    '',
  ].join('\n');
  const documents = accountNamespace === namespace ? [account, role, binding] : [role, binding];
  return documents.join('---\n');
}

function credentialRules(names: readonly string[]): string {
  if (names.length === 0) return '';
  return `  # Read the credentials of databases.\n${rule('', ['secrets'], ['get'], [...names])}`;
}

function featureRules(feature: RightFeature, names: Record<string, string[]>): string {
  const { why, optional, rules } = FEATURES[feature];
  const comment = `  # ${why}.${optional ? ' May be left out.' : ''}\n`;
  const lines = rules.flatMap(({ resources, verbs }) =>
    byGroup(resources).flatMap(({ group, members }) => {
      const named = members.filter((resource) => names[resource] !== undefined);
      const free = members.filter((resource) => names[resource] === undefined);
      const open = verbs.filter((verb) => !NAMED_VERBS.includes(verb));
      const restricted = verbs.filter((verb) => NAMED_VERBS.includes(verb));
      return [
        rule(group, free, verbs),
        rule(group, named, open),
        ...named.map((resource) => rule(group, [resource], restricted, names[resource])),
      ];
    }),
  );
  return comment + lines.join('');
}

function rule(group: string, resources: string[], verbs: string[], names?: string[]): string {
  if (resources.length === 0 || verbs.length === 0) return '';
  const lines = [
    `  - apiGroups: [${text(group)}]`,
    `    resources: [${resources.map(text).join(', ')}]`,
    ...(names ? [`    resourceNames: [${names.map(text).join(', ')}]`] : []),
    `    verbs: [${verbs.map(text).join(', ')}]`,
  ];
  return `${lines.join('\n')}\n`;
}

function byGroup(resources: string[]): { group: string; members: string[] }[] {
  const groups = new Map<string, string[]>();
  for (const resource of resources) {
    const group = apiGroup(resource);
    groups.set(group, [...(groups.get(group) ?? []), resource]);
  }
  return [...groups].map(([group, members]) => ({ group, members }));
}

/** A JSON string is a YAML string, whatever is in it. */
function text(value: string): string {
  return JSON.stringify(value);
}
