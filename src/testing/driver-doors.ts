/** Doors of a driver that no task stands behind: they keep what they are told. */
import type { DriverDoors, ExecutorDoor } from '../drivers/driver.ts';
import type { Holding } from '../drivers/holdings.ts';
import type { RunClaims } from '../drivers/run-claims.ts';

export interface KeptWord {
  readonly type: string;
  readonly message: string;
  readonly details: Readonly<Record<string, string>>;
}

export interface KeptDoors extends DriverDoors {
  /** What the driver has said, in order. */
  readonly words: readonly KeptWord[];
}

/** Of a driver that makes processes, which needs none. */
const noClaims = {} as RunClaims;

/** `run` is the one in which what is recorded counts as recorded. */
export function keptDoors(executor: ExecutorDoor, run = 1, claims = noClaims): KeptDoors {
  const words: KeptWord[] = [];
  let things: readonly Holding[] = [];
  const others = (kind: string, id: string): readonly Holding[] =>
    things.filter((one) => one.kind !== kind || one.id !== id);
  return {
    executor,
    claims,
    output: {
      follow: async () => undefined,
      settled: async () => true,
      release: async () => undefined,
    },
    words,
    task: {
      labels: { node: 'here', job: 'shop', group: 'shop', alloc: 'a1', task: 'web' },
      emit: (type, message, details = {}) => void words.push({ type, message, details }),
    },
    holdings: {
      current: () => things,
      async record({ kind, id }) {
        const isKnown = others(kind, id).length < things.length;
        if (!isKnown) things = [...things, { kind, id, run }];
      },
      async forget({ kind, id }) {
        things = others(kind, id);
      },
    },
  };
}
