/** One thread of simulations: the modules are exchanged before anything of `src/` is loaded, then it works off seeds. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FaultChoice } from './faults.ts';
import type { Patch } from '../patch.ts';
import { simulateModules } from './modules.ts';
import type { Outcome } from './simulation.ts';

export interface ThreadOrder {
  readonly seed: number;
  readonly only?: readonly string[] | undefined;
  readonly isTraced?: boolean;
  readonly isAlone?: boolean;
  /** Twice, to see that both are one history. */
  readonly isTwice?: boolean;
}

export interface ThreadReport extends Outcome {
  readonly isRepeatable: boolean;
}

/** Stacks of the errors that are part of the play cost more than the play. */
Error.stackTraceLimit = 0;
simulateModules((workerData as { patches: readonly Patch[] }).patches);
const { simulate } = await import('./simulation.ts');
// What `src/` loads late takes real time, once for each thread: a history in which that happened would be another one.
await simulate(1, { choice: { only: new Set() } });

async function obey({
  seed,
  only,
  isTraced,
  isAlone,
  isTwice,
}: ThreadOrder): Promise<ThreadReport> {
  const choice: FaultChoice = only === undefined ? {} : { only: new Set(only) };
  const options = { choice, isTraced: isTraced === true, isAlone: isAlone === true };
  const outcome = await simulate(seed, options);
  const again = isTwice === true ? await simulate(seed, options) : outcome;
  return { ...outcome, isRepeatable: again.digest === outcome.digest };
}

parentPort?.on('message', (order: ThreadOrder) => {
  void obey(order).then(
    (report) => parentPort?.postMessage(report, []),
    (error: unknown) => {
      setImmediate(() => {
        throw error;
      });
    },
  );
});
