import { loadConfiguration, selectService } from '../config/load.ts';
import type { ServiceConfiguration } from '../config/schema.ts';
import { EXIT } from '../model/error.ts';
import type { CommandOutcome } from './context.ts';
import { type Diagnosis, failure, ok } from './diagnosis.ts';
import { examineService } from './doctor-service.ts';
import { examineStateFolder } from './doctor-state.ts';
import { type SelectedService, type Selection, selected, selectOne } from './select-service.ts';

export interface DoctorResult {
  diagnoses: Diagnosis[];
}

/** Oldest version of Node.js that this program is tested on. */
const OLDEST_NODE = [20, 19] as const;

export interface DoctorOptions {
  config?: string | undefined;
  service?: string | undefined;
  /** E.g. `deployment/api`. */
  workload?: string | undefined;
  namespace?: string | undefined;
  context?: string | undefined;
  /** Put back what lost runs left on the objects of a cluster. */
  fix?: boolean | undefined;
}

/**
 * Looks at everything a rollback would need, and says how to mend what is not right. Leaves nothing behind, and changes
 * nothing but with `fix`. Exit 1 where something is in the way, 0 where nothing is.
 */
export async function doctor(cwd: string, options: DoctorOptions): Promise<CommandOutcome> {
  const diagnoses: Diagnosis[] = [nodeVersion(process.versions.node)];
  const services = await servicesOf(cwd, options, diagnoses);
  const states = services.flatMap(({ statePath }) => (statePath === undefined ? [] : [statePath]));
  for (const path of new Set(states)) diagnoses.push(...(await examineStateFolder(path)));
  for (const service of services)
    diagnoses.push(...(await examineService(service, { fix: options.fix ?? false })));
  const failed = diagnoses.some(({ status }) => status === 'fail');
  const result: DoctorResult = { diagnoses };
  return { exit: failed ? EXIT.failed : EXIT.done, json: result };
}

/** Exported for the test: no other Node.js can be had there. */
export function nodeVersion(version: string): Diagnosis {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor, needMinor] = OLDEST_NODE;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return ok(`Node.js ${version}`);
  return {
    status: 'fail',
    title: `Node.js ${version} is older than ${OLDEST_NODE.join('.')}`,
    fix: [`Install Node.js ${OLDEST_NODE.join('.')} or newer.`],
  };
}

/** The services to look at; with what was found of the configuration itself. */
async function servicesOf(
  cwd: string,
  options: DoctorOptions,
  diagnoses: Diagnosis[],
): Promise<SelectedService[]> {
  const selection: Selection = { cwd, config: undefined, service: undefined, ...options };
  try {
    if (selection.workload !== undefined) {
      const service = await selectOne(selection);
      const from = service.configPath ?? `none for ${selection.workload}: defaults are used`;
      diagnoses.push(ok(`Configuration ${from}`));
      return [service];
    }
    const loaded = await loadConfiguration(cwd, options.config);
    const { services } = loaded.configuration;
    const names =
      options.service === undefined
        ? Object.keys(services)
        : [selectService(loaded.configuration, options.service).name];
    const all = names.map((name) =>
      selected(loaded, name, services[name] as ServiceConfiguration, selection),
    );
    diagnoses.push(ok(`Configuration ${loaded.path}`));
    return all;
  } catch (error) {
    diagnoses.push(failure('Configuration', error), {
      status: 'unknown',
      title: 'State folder, platform, registry, database: not looked at without a configuration',
      fix: [],
    });
    return [];
  }
}
