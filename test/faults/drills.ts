/** Every drill, in the order of a full run. */
import { clockJumps } from './clock-jumps.ts';
import { damagedAgents } from './damaged-agents.ts';
import { damagedFiles } from './damaged-files.ts';
import type { Drill } from './drill.ts';
import { fullDisks } from './full-disk.ts';
import { logPump } from './log-pump.ts';
import { pidReuse } from './pid-reuse.ts';
import { powerCuts } from './power-cut.ts';
import { systemCallFaults } from './system-calls.ts';

export const DRILLS: readonly Drill[] = [
  clockJumps,
  damagedAgents,
  damagedFiles,
  fullDisks,
  logPump,
  pidReuse,
  powerCuts,
  systemCallFaults,
];
