/**
 * An agent that runs short programs for ever and says what it was told: `batch-agent.ts DATA_DIR`. A line is
 * `epoch EPOCH`, `accepted ALLOC` or `event POSITION TYPE`.
 */
import { writeSync } from 'node:fs';
import { rawExec } from '../../../src/drivers/raw-exec.ts';
import { openOrchestrator } from '../../../src/orchestrator.ts';

const [dataDir = ''] = process.argv.slice(2);
// The disk of the rig is a small one.
const small = { diskFloorBytes: 1_000_000 };
const agent = await openOrchestrator({
  dataDir,
  drivers: [rawExec()],
  onClose: 'leave',
  ...small,
});
say(`epoch ${agent.recovery.agentEpoch}`);
await Promise.all([tell(), ...Array.from({ length: 4 }, (_, lane) => work(lane))]);

async function tell(): Promise<void> {
  for await (const { position, type } of agent.events()) say(`event ${position} ${type}`);
}

async function work(lane: number): Promise<never> {
  for (let turn = 0; ; turn += 1) {
    const allocId = `lane${lane}-${turn}`;
    const config = { command: '/bin/sh', args: ['-c', `exit ${turn % 7}`] };
    const group = { name: allocId, type: 'batch', restart: { attempts: 0 } } as const;
    const tasks = [{ name: 'work', driver: 'raw_exec', config }];
    await agent.run({ ...group, tasks }, { allocId });
    say(`accepted ${allocId}`);
    await (await agent.alloc(allocId)).wait();
  }
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
