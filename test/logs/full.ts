/** `npm run full:logs`: what is promised of output, at full size. */
import { performFullSize } from '../faults/full-size.ts';
import { PARTS } from './parts.ts';

await performFullSize({
  name: 'logs',
  title: 'log',
  parts: PARTS,
  notCovered: [
    'File systems that splice(2) cannot write to: output is copied there, and a kill may lose up to 64 KiB of it.',
    'A power cut: what was collected and is not yet on the disk is lost with it.',
    'Output that a task writes to files of its own.',
  ],
});
