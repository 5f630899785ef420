/** Everything that `npm run full:groups` tries, in this order. */
import type { Drill } from '../faults/drill.ts';
import { backoffKills } from './backoff.ts';
import { canaries } from './canaries.ts';
import { health } from './health.ts';
import { hookCrashes } from './hook-crashes.ts';
import { hostileArtifacts } from './hostile-artifacts.ts';
import { oddValues } from './odd-values.ts';
import { restartPolicy } from './restart-policy.ts';
import { twelveTasks } from './twelve-tasks.ts';
import { updates } from './updates.ts';

export const PARTS: readonly Drill[] = [
  restartPolicy,
  backoffKills,
  health,
  oddValues,
  hookCrashes,
  hostileArtifacts,
  canaries,
  twelveTasks,
  updates,
];
