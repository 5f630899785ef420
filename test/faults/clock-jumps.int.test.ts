import { clockJumps } from './clock-jumps.ts';
import { testShareOf } from './share.ts';

testShareOf(clockJumps);
