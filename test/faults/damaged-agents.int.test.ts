import { damagedAgents } from './damaged-agents.ts';
import { testShareOf } from './share.ts';

testShareOf(damagedAgents);
