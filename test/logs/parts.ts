/** Everything that `npm run full:logs` tries, in this order. */
import type { Drill } from '../faults/drill.ts';
import { agentKills } from './agent-kills.ts';
import { budgetKills } from './budget-kills.ts';
import { logBudget } from './budget.ts';
import { compressionKills } from './compression.ts';
import { briefTasks, bursts, untouchedBytes } from './exact.ts';
import { fullLogDisk } from './full-disk.ts';
import { heirs } from './heirs.ts';
import { hostKills } from './host-kills.ts';
import { hostileNames } from './hostile.ts';
import { rotationOffsets } from './offsets.ts';

export const PARTS: readonly Drill[] = [
  briefTasks,
  bursts,
  untouchedBytes,
  rotationOffsets,
  hostKills,
  agentKills,
  heirs,
  compressionKills,
  logBudget,
  budgetKills,
  fullLogDisk,
  hostileNames,
];
