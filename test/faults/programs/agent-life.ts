/**
 * One life of an agent whose system calls may fail: `agent-life.ts DATA_DIR LEDGER NUMBER`. It waits for a line before
 * it begins, so that somebody can take hold of it; tells what it finds; has one short program run; and leaves. Every
 * line is a JSON array of a word and facts.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Orchestrator } from '../../../src/api.ts';
import { rawExec } from '../../../src/drivers/raw-exec.ts';
import { HoldfastError, messageOf } from '../../../src/errors.ts';
import { openOrchestrator } from '../../../src/orchestrator.ts';

const [dataDir = '', ledger = '', number = ''] = process.argv.slice(2);
/** Writes down that it was started, by whom and as what. */
const noteOf = (name: string): string => `echo "${name} $HOLDFAST_MARK $$" >> "${ledger}"`;

// What is loaded later would count among the calls of the agent.
await Promise.all([
  import('../../../src/spec/validate-spec.ts'),
  import('../../../src/spec/resolve-spec.ts'),
]);
// A pool whose threads cannot be made ends the process: Node's own, and not what is asked here.
await Promise.all(Array.from({ length: 8 }, () => stat('/')));
say('ready', process.pid);
await once(process.stdin, 'data');
try {
  await live();
  say('left');
} catch (error) {
  if (!HoldfastError.is(error)) throw error;
  say('refused', error.code, messageOf(error));
}
// When a process exits, koffi syncs its stdout, and waits for ever when that fails: not what is asked here.
process.kill(process.pid, 'SIGTERM');

async function live(): Promise<void> {
  const agent = await openOrchestrator({
    dataDir,
    drivers: [rawExec()],
    onClose: 'leave',
    safeMode: 'off',
  });
  say('open', agent.recovery.agentEpoch);
  const failed = agent.ended.then((error) => {
    if (error !== undefined) throw error;
  });
  await Promise.race([work(agent), failed]);
  await agent.close({ tasks: 'leave' });
}

async function work(agent: Orchestrator): Promise<void> {
  if (number === '0') await startServices(agent);
  for (const view of await agent.allocs({ all: true })) {
    for (const { task, state, pid, run, exitCode } of view.tasks) {
      say('task', view.allocId, task, state, pid, run, exitCode);
    }
  }
  const allocId = `short-${number}`;
  const config = { command: '/bin/sh', args: ['-c', `${noteOf(allocId)}; exit ${exitOf(number)}`] };
  const group = { name: allocId, type: 'batch', restart: { attempts: 0 } } as const;
  await agent.run({ ...group, tasks: [{ name: 'one', driver: 'raw_exec', config }] }, { allocId });
  say('accepted', allocId);
  const { tasks } = await (await agent.alloc(allocId)).wait();
  say('ended', allocId, tasks[0]?.exitCode, tasks[0]?.state);
}

function exitOf(life: string): number {
  return Number(life) % 100;
}

async function startServices(agent: Orchestrator): Promise<void> {
  for (const name of ['steady', 'loud']) {
    const noise =
      name === 'loud' ? 'while :; do echo line; sleep 0.05; done' : 'exec sleep 1000000';
    const config = { command: '/bin/sh', args: ['-c', `${noteOf(name)}; ${noise}`] };
    const tasks = [{ name: 'one', driver: 'raw_exec', config }];
    const { allocId } = await agent.run({ name, tasks }, { allocId: name });
    while ((await agent.inspect(allocId)).tasks[0]?.state !== 'running') {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function say(...words: readonly unknown[]): void {
  writeSync(1, `${JSON.stringify(words)}\n`);
}
