/** Everything that `npm run full:executor` tries, in this order. */
import type { Drill } from '../faults/drill.ts';
import { capabilityDrill } from './capability-sets.ts';
import { cgroupV2Drill } from './cgroup-v2.ts';
import { cycleDrill } from './cycles.ts';
import { groupDrill } from './groups.ts';
import { networkDrill } from './network.ts';
import { oomDrill } from './oom.ts';
import { propagationDrill } from './propagation.ts';
import { sessionDrill } from './sessions.ts';
import { treeDrill } from './trees.ts';

export const PARTS: readonly Drill[] = [
  capabilityDrill,
  groupDrill,
  treeDrill,
  cycleDrill,
  sessionDrill,
  oomDrill,
  propagationDrill,
  networkDrill,
  cgroupV2Drill,
];
