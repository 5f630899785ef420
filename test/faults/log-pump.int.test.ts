import { logPump } from './log-pump.ts';
import { testShareOf } from './share.ts';

testShareOf(logPump);
