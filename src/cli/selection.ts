import type { Invocation } from './program.ts';
import { PROGRAM } from './usage.ts';

/** What selects the service, as it was typed. */
export interface TypedSelection {
  /** E.g. `deployment/api`. */
  workload: string | undefined;
  /** E.g. `-n shop --context prod`; may be empty. */
  rest: string;
}

/** Commands of a service, as texts name them: by their name, or the default one by an option that only it takes. */
const OF_A_SERVICE = new RegExp(
  `\\b${PROGRAM}(?: (?:rollback|plan|check|releases|status|resume|abort|history|show|monitor|snapshot|doctor)\\b|(?= --(?:version|strategy) ))`,
  'g',
);
const OF_A_NAMESPACE = new RegExp(`\\b${PROGRAM} init --rbac\\b`, 'g');

/** undefined where nothing of a cluster was typed, or where no command follows from this one. */
export function selectionOf({ command, workload, values }: Invocation): TypedSelection | undefined {
  const { namespace, context, kubeconfig, config, service } = values;
  const typed = [workload, namespace, context].some((one) => one !== undefined);
  if (!typed || command === 'init') return undefined;
  const flags = { '-n': namespace, '--context': context, '--kubeconfig': kubeconfig };
  const all = { ...flags, '--config': config, '--service': service };
  const rest = Object.entries(all).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
  return { workload, rest: rest.join(' ') };
}

/**
 * The stream, but that commands of this program in what is written to it carry the selection: nobody who copies one of
 * them should reach another service.
 */
export function withSelection<Stream extends NodeJS.WriteStream>(
  stream: Stream,
  selection: TypedSelection | undefined,
): Stream {
  if (selection === undefined) return stream;
  return new Proxy(stream, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (key === 'write')
        return (text: unknown, ...rest: []) =>
          target.write(
            typeof text === 'string' ? selectedCommands(text, selection) : (text as string),
            ...rest,
          );
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Text with the selection in every command of it. */
export function selectedCommands(text: string, { workload, rest }: TypedSelection): string {
  const all = [workload, rest].filter(Boolean).join(' ');
  const selected = text.replaceAll(OF_A_SERVICE, (command) => `${command} ${all}`);
  return rest === '' ? selected : selected.replaceAll(OF_A_NAMESPACE, (command) => `${command} ${rest}`);
}
