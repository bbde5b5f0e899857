import type { Strategy } from '../model/plan.ts';
import { canary } from './canary.ts';
import { rolling } from './rolling.ts';
import type { StrategyFunction } from './strategy.ts';
import { blueGreen, instant } from './switching.ts';

/** Every strategy by its name on the command line. */
export const strategies: Record<Strategy, StrategyFunction> = {
  rolling,
  'blue-green': blueGreen,
  instant,
  canary,
};
