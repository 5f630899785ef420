/** `npm run full:drivers`: what is promised of drivers, at full size, against a real engine. */
import { performFullSize } from '../faults/full-size.ts';
import { PARTS } from './parts.ts';

await performFullSize({
  name: 'drivers',
  title: 'driver',
  parts: PARTS,
  notCovered: [
    'Engines on other machines, and engines other than Docker’s.',
    'A power cut: what an engine had not written to the disk is lost with it.',
    'A start that an engine took and did not read before it was asked for another may run a program twice: no call of its API excludes that.',
  ],
});
