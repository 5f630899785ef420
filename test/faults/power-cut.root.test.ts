import { powerCuts } from './power-cut.ts';
import { testShareOf } from './share.ts';

testShareOf(powerCuts);
