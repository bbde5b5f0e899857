import type { Survey } from './survey.ts';

/** A commented `rollback.yaml` with what was found; what was not is there as a comment. `schema` is for editors. */
export function configurationText(found: Survey, schema: string): string {
  const { name, port, healthPath, images } = found;
  return `# yaml-language-server: $schema=${schema}
#
# Relative paths start at this file's folder. Times are seconds, or durations: 500ms, 30s, 10m, 1h.
# Every key, with its default: docs/configuration.md

services:
  ${name.value}:
    platform:
      kind: local
      # How many instances serve.
      instances: 3
      # The port users reach; each instance gets one of its own in $PORT. (${port?.from ?? 'nothing found, a guess'})
      port: ${port?.value ?? 8080}

    # Where the images are: a folder in the OCI image layout format.${images ? '' : ' (none found, a guess)'}
    registry:
      kind: oci-layout
      path: ${quotedPath(images ?? 'images')}

${databaseText(found)}
    # What releases are configured with. It is kept with each release, and compared and restored on the way back.
    configuration:
      # Variables of the instances, NAME: text. Not for secrets.
      environment: {}
${filesText(found)}
${secretsText(found)}

    # What a healthy instance answers. (${healthPath?.from ?? 'nothing found, a guess'})
    health:
      path: ${healthPath?.value ?? '/healthz'}

    # How long to keep watching after a rollback; 0 for not at all.
    monitor:
      duration: 30m
`;
}

function databaseText({ databases, migrations }: Survey): string {
  const [first, ...others] = databases;
  const also = others.length > 0 ? ` (also found: ${others.join(', ')})` : '';
  const lines = [
    'database:',
    '  kind: sqlite',
    `  path: ${quotedPath(first ?? 'data/app.db')}`,
    '  migrations:',
    `    # The tool that applies them. (${formatFrom(migrations)})`,
    `    format: ${migrations?.formats[0] ?? 'dbmate'}`,
    '    # Their folder in the image.',
    `    path: ${quotedPath(migrations?.folder ?? 'db/migrations')}`,
  ];
  if (first === undefined) {
    const commented = lines.map((line) => `    # ${line}\n`).join('');
    return `    # No database was found. With one, its schema is checked and it is backed up before anything moves.\n${commented}`;
  }
  return `    # Its schema is checked against the target, and it is backed up before anything moves.${also}\n${lines.map((line) => `    ${line}\n`).join('')}`;
}

function formatFrom(migrations: Survey['migrations']): string {
  const [first, ...others] = migrations?.formats ?? [];
  if (first === undefined) return 'nothing found, a guess';
  return others.length === 0
    ? 'told by the files'
    : `a guess; the files may be of ${others.join(' or ')} too`;
}

function filesText({ configurationFiles }: Survey): string {
  if (configurationFiles.length === 0)
    return '      # Files placed below the working directory of an instance.\n      # files: [config/app.json]';
  const list = configurationFiles.map((file) => `        - ${quotedPath(file)}`).join('\n');
  return `      # Files placed below the working directory of an instance.\n      files:\n${list}`;
}

function secretsText({ secretNames }: Survey): string {
  const names = secretNames.length > 0 ? secretNames : ['SESSION_KEY'];
  const list = names.map((name) => `      #   ${name}: { env: ${name} }`).join('\n');
  return `      # Secrets are named by where they come from; their values are never stored.\n      # secrets:\n${list}`;
}

/** Plain where YAML reads it back the same, else in quotes. */
function quotedPath(path: string): string {
  return /^[A-Za-z0-9_][\w./-]*$/.test(path) && !/^(true|false|null|yes|no|on|off|[\d.]+)$/i.test(path)
    ? path
    : JSON.stringify(path);
}
