/** `npm run full:executor`: what is promised of executors, at full size. */
import { performFullSize } from '../faults/full-size.ts';
import { PARTS } from './parts.ts';

await performFullSize({
  name: 'executor',
  title: 'executor',
  parts: PARTS,
  notCovered: [
    'Machines without any cgroup: there the end of a tree is best effort, and the capability says so.',
    'Kernels other than the one of the machine that this was made on, except where a part names another.',
    'Processes that root moves out of their cgroup on purpose.',
  ],
});
