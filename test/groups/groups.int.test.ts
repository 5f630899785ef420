/** The share of every part that CI does. */
import { testShareOf } from '../faults/share.ts';
import { PARTS } from './parts.ts';

for (const part of PARTS) testShareOf(part);
