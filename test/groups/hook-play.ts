/**
 * `hook-play.ts DATA_DIR JOURNAL POINT`: an agent with four hooks of its own and one task. Each hook and the program
 * write a line into the journal. It is killed at POINT; with `-` it goes on to the end of the alloc, and prints the log.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { rawExec } from '../../src/drivers/raw-exec.ts';
import { defineHook } from '../../src/hooks/hook.ts';
import { openOrchestrator } from '../../src/orchestrator.ts';

const [, , dataDir = '', journal = '', point = '-'] = process.argv;
/** Longer than what hooks may take that share an append with the next one. */
const SLOW_MS = 40;
const NAMES = ['h0', 'h1', 'h2', 'h3'];

function dieAt(name: string): void {
  if (name === point) process.kill(process.pid, 'SIGKILL');
}

async function work(hook: string, phase: string): Promise<void> {
  dieAt(`${hook}.${phase}.before`);
  appendFileSync(journal, `${process.pid} ${phase} ${hook}\n`);
  dieAt(`${hook}.${phase}.after`);
  await delay(SLOW_MS);
}

const hooks = NAMES.map((name, index) =>
  defineHook({
    name,
    async prestart() {
      await work(name, 'prestart');
      return { isDone: index % 2 === 0, env: { [name.toUpperCase()]: 'given' } };
    },
    start: () => work(name, 'start'),
    exited: () => work(name, 'exited'),
    cleanup: () => work(name, 'cleanup'),
  }),
);

const orchestrator = await openOrchestrator({
  dataDir,
  hooks,
  drivers: [rawExec()],
  safeMode: 'off',
});
void (async () => {
  for await (const { data } of orchestrator.events({ types: ['HookCompleted'] })) {
    const { hook, phase } = data as { readonly hook: string; readonly phase: string };
    dieAt(`${hook}.${phase}.recorded`);
  }
})().catch(() => undefined);

const known = await orchestrator.allocs({ all: true });
const script = `echo "0 ran $H0$H1$H2$H3" >>'${journal}'; sleep 0.3`;
const config = { command: 'sh', args: ['-c', script] };
const task = { name: 't', driver: 'raw_exec', config };
const { allocId = (await orchestrator.run({ name: 'g', type: 'batch', tasks: [task] })).allocId } =
  known[0] ?? {};
await (await orchestrator.alloc(allocId)).wait();
const events: unknown[] = [];
for await (const event of orchestrator.events({ until: 'head' })) events.push(event);
await orchestrator.close();
process.stdout.write(`${JSON.stringify(events)}\n`);
process.exit();
