/** Tasks that use more memory than they may: each is told to have been ended for it, and nobody else is. */
import { ExecRig } from '../drivers/exec-rig.ts';
import type { Drill } from '../faults/drill.ts';
import { inTurns } from './in-turns.ts';

const TOGETHER = 2;
/** `tail` keeps what it reads until the end, which never comes. */
const GREEDY = 'exec tail /dev/zero';

export const oomDrill: Drill = {
  name: 'out of memory',
  promise: 'every task that was ended for its memory is told so, and no other',
  tools: ['runc', 'conmon'],
  privileges: ['root', 'memory limits'],
  cases: { share: 4, full: 50 },
  async run(findings, cases) {
    const rig = new ExecRig();
    try {
      for (const executor of ['universal', 'isolated'] as const) {
        await inTurns(cases, TOGETHER, (index) =>
          findings.attempt(`${executor} ${index}`, async () => {
            findings.count(`${executor}, killed`);
            const end = await endOf(rig, executor, GREEDY);
            if (end.signal !== 'SIGKILL') throw new Error(JSON.stringify(end));
            if (end.oomKilled) findings.count(`${executor}, reported`);
            else throw new Error('it was not told that its memory was the reason');
          }),
        );
      }
      const end = await endOf(rig, 'universal', 'kill -KILL $$');
      const isCaught = end.signal === 'SIGKILL' && !end.oomKilled;
      findings.control(
        'a task that ends by SIGKILL for another reason',
        isCaught,
        JSON.stringify(end),
      );
    } finally {
      await rig.end();
    }
  },
};

interface End {
  readonly signal: string | null;
  readonly oomKilled: boolean;
}

async function endOf(rig: ExecRig, executor: string, script: string): Promise<End> {
  const { view } = await rig.ran(script, { config: { executor }, resources: { memoryMb: 32 } });
  const orchestrator = await rig.orchestrator();
  const query = { until: 'head', ref: view.allocId, types: ['TaskExited'] } as const;
  for await (const { data } of orchestrator.events(query)) return data as End;
  throw new Error(`nothing ended: ${view.reason}`);
}
