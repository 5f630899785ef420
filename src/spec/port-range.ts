/** Which ports of a machine an agent gives to those that want any. Pure. */

/** Both are in it. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Nomad's. */
export const DYNAMIC_PORTS: PortRange = { from: 20_000, to: 32_000 };

/** All ports of the range once, from one on that `chance` (0 to 1, without 1) points at. */
export function* candidates({ from, to }: PortRange, chance: number): Generator<number> {
  const size = to - from + 1;
  const start = Math.floor(chance * size);
  for (let step = 0; step < size; step += 1) yield from + ((start + step) % size);
}
