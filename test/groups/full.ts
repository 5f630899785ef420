/** `npm run full:groups`: what is promised of groups, at full size. */
import { performFullSize } from '../faults/full-size.ts';
import { PARTS } from './parts.ts';

await performFullSize({
  name: 'groups',
  title: 'group',
  parts: PARTS,
  notCovered: [
    'Hooks that do something to other machines: what they did before a crash is theirs to find again.',
    'Archives in formats that are not unpacked, and sources other than http.',
    'Secrets in the memory of agents and hosts, and in core files of programs.',
  ],
});
