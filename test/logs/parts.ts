/** Everything that `npm run full:logs` tries, in this order. */
import type { Drill } from '../faults/drill.ts';
import { briefTasks, bursts, untouchedBytes } from './exact.ts';
import { hostKills } from './host-kills.ts';

export const PARTS: readonly Drill[] = [briefTasks, bursts, untouchedBytes, hostKills];
