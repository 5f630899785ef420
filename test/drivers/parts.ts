/** Everything that `npm run full:drivers` tries, in this order. */
import type { Drill } from '../faults/drill.ts';
import { agentKills } from './drills/agent-kills.ts';
import { brokenCalls } from './drills/broken-calls.ts';
import { contracts } from './drills/contracts.ts';
import { engineDeaths } from './drills/engine-deaths.ts';
import { zoos } from './drills/zoos.ts';

export const PARTS: readonly Drill[] = [brokenCalls, engineDeaths, agentKills, zoos, contracts];
