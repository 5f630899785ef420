/** Everything that `npm run full:groups` tries, in this order. */
import type { Drill } from '../faults/drill.ts';
import { backoffKills } from './backoff.ts';
import { oddValues } from './odd-values.ts';
import { restartPolicy } from './restart-policy.ts';

export const PARTS: readonly Drill[] = [restartPolicy, backoffKills, oddValues];
