import { type LoadedConfiguration, loadConfiguration, selectService } from '../config/load.ts';
import { EXIT } from '../model/error.ts';
import type { CommandOutcome } from './context.ts';
import { type Diagnosis, failure, ok } from './diagnosis.ts';
import { examineService } from './doctor-service.ts';
import { examineStateFolder } from './doctor-state.ts';

export interface DoctorResult {
  diagnoses: Diagnosis[];
}

/** Oldest version of Node.js that this program is tested on. */
const OLDEST_NODE = [20, 19] as const;

/**
 * Looks at everything a rollback would need, and says how to mend what is not right. Leaves nothing behind. Exit 1
 * where something is in the way, 0 where nothing is.
 */
export async function doctor(
  cwd: string,
  values: { config?: string; service?: string },
): Promise<CommandOutcome> {
  const diagnoses: Diagnosis[] = [nodeVersion(process.versions.node)];
  const loaded = await readConfiguration(cwd, values.config, diagnoses);
  if (loaded) {
    diagnoses.push(...(await examineStateFolder(loaded.statePath)));
    const names =
      values.service === undefined
        ? Object.keys(loaded.configuration.services)
        : [selectService(loaded.configuration, values.service).name];
    for (const name of names) diagnoses.push(...(await examineService(loaded, name)));
  }
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

async function readConfiguration(
  cwd: string,
  file: string | undefined,
  diagnoses: Diagnosis[],
): Promise<LoadedConfiguration | undefined> {
  try {
    const loaded = await loadConfiguration(cwd, file);
    diagnoses.push(ok(`Configuration ${loaded.path}`));
    return loaded;
  } catch (error) {
    diagnoses.push(failure('Configuration', error), {
      status: 'unknown',
      title: 'State folder, platform, registry, database: not looked at without a configuration',
      fix: [],
    });
    return undefined;
  }
}
