/** The share of every part that CI does. What contracts say is tested beside each driver. */
import { testShareOf } from '../../faults/share.ts';
import { PARTS } from '../parts.ts';

for (const part of PARTS) if (part.cases.share > 0) testShareOf(part);
