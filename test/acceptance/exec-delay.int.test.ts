/** Commands beside a program that is about to be ended: real processes, with the delay before its signal. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ExecSession, Orchestrator, PublicEvent } from '../../src/api.ts';
import { openOrchestrator, rawExec } from '../../src/index.ts';
import { until } from './rig.ts';

let dataDir: string;
let agent: Orchestrator;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'hx-'));
  agent = await openOrchestrator({ dataDir, drivers: [rawExec()] });
});
afterAll(async () => {
  await agent.close({ tasks: 'stop' });
  await rm(dataDir, { recursive: true, force: true });
});

async function said(session: ExecSession): Promise<string> {
  let text = '';
  for await (const { data } of session.output) text += Buffer.from(data).toString();
  return text;
}

it('is let in until the signal is sent, and a command that is open then ends with the program', async () => {
  const config = { command: 'sleep', args: ['100000'] };
  const task = { name: 'api', driver: 'raw_exec', config, shutdownDelay: '15s' };
  await agent.run({ name: 'web', tasks: [task] });
  await until('it runs', async () => (await agent.inspect('web')).tasks[0]?.state === 'running');
  const stopping = agent.stop('web');
  const events = async (): Promise<readonly PublicEvent[]> => {
    const found: PublicEvent[] = [];
    for await (const event of agent.events({ ref: 'web', until: 'head' })) found.push(event);
    return found;
  };
  await until('the delay goes on', async () =>
    (await events()).some(({ type }) => type === 'TaskKilling'),
  );
  const quick = await agent.exec('web/api', ['echo', 'draining']);
  expect([await said(quick), await quick.exit]).toEqual([
    'draining\n',
    { exitCode: 0, signal: null, reason: 'exited' },
  ]);
  const open = await agent.exec('web/api', ['sleep', '100000']);
  const [end] = await Promise.all([open.exit, said(open), stopping]);
  const types = (await events()).filter(({ task: of }) => of === 'api').map(({ type }) => type);
  expect(end).toEqual({ exitCode: null, signal: 'SIGKILL', reason: 'ended by SIGKILL' });
  // Whether the end of the command or that of the program is told first is nobody's promise.
  const last = types.slice(types.indexOf('TaskKilling'));
  const session = ['SessionClosed', 'SessionClosed', 'SessionOpened', 'SessionOpened'];
  expect(last.filter((type) => type.startsWith('Session')).toSorted()).toEqual(session);
  expect(last.at(-1)).toBe('CleanupCompleted');
  const late = agent.exec('web/api', ['true']);
  await expect(late).rejects.toMatchObject({ code: 'WRONG_STATE' });
});
