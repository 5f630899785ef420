/** Which processors this machine has, held against those that a task wants. */
import { readFileSync } from 'node:fs';
import { HoldfastError } from '../errors.ts';

/** Both are lists such as `0-1,3`; `read` gives what is there. Throws CAPABILITY_MISSING for what is not. */
export function assertProcessors(
  cpuset: string | undefined,
  who: string,
  read: () => string = readOnline,
): void {
  if (cpuset === undefined) return;
  const online = read();
  const there = rangesOf(online);
  const isThere = (cpu: number): boolean =>
    there.some(([first, last]) => first <= cpu && cpu <= last);
  for (const [first, last] of rangesOf(cpuset)) {
    // The first one that is missing decides, however long the range is.
    let cpu = first;
    while (cpu <= last && isThere(cpu)) cpu += 1;
    if (cpu > last) continue;
    const text = `${who} needs cpuset ${cpuset}: this machine has the processors ${online}`;
    throw new HoldfastError('CAPABILITY_MISSING', text);
  }
}

function readOnline(): string {
  return readFileSync('/sys/devices/system/cpu/online', 'latin1').trim();
}

function rangesOf(list: string): readonly (readonly [first: number, last: number])[] {
  return list.split(',').map((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return [first, last];
  });
}
