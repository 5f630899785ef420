/** What hooks do beside a real program. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { HoldfastError } from '../../src/errors.ts';
import { defineHook, openOrchestrator, rawExec } from '../../src/index.ts';
import { until } from '../acceptance/rig.ts';

const CANARY = 'canary-9917';

it('runs commands with what the program has, and hears how they ended', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'hf-acts-'));
  const heard: unknown[] = [];
  const secrets = [{ name: 'token', value: CANARY, env: 'TOKEN' }];
  const fetches = defineHook({ name: 'fetches', prestart: async () => ({ secrets }) });
  const acts = defineHook({
    name: 'acts',
    async start(_request, { exec }) {
      heard.push(await exec(['sh', '-c', 'echo $TOKEN; exit 3'], { timeoutMs: 60_000 }));
      for (const [argv, timeoutMs] of [
        [['sleep', '1000'], 300],
        [['/nowhere'], 60_000],
      ] as const) {
        await exec(argv, { timeoutMs }).catch((error: HoldfastError) => heard.push(error.code));
      }
    },
  });
  const agent = await openOrchestrator({
    dataDir,
    drivers: [rawExec()],
    hooks: [fetches, acts],
  });
  onTestFinished(async () => {
    await agent.close({ tasks: 'stop' });
    rmSync(dataDir, { recursive: true, force: true });
  });
  const config = { command: 'sleep', args: ['100000'] };
  await agent.run({ name: 'web', tasks: [{ name: 'api', driver: 'raw_exec', config }] });
  await until('the hook has done all', () => heard.length === 3);
  expect(heard).toEqual([
    { exitCode: 3, signal: null, output: `${CANARY}\n` },
    'TIMEOUT',
    'COMMAND_NOT_FOUND',
  ]);
  const opened: unknown[] = [];
  for await (const { type, data } of agent.events({ until: 'head' })) {
    if (type === 'SessionOpened') opened.push(data);
    expect(JSON.stringify(data)).not.toContain(CANARY);
  }
  expect(opened).toHaveLength(3);
  expect(opened[0]).toMatchObject({ actor: 'hook acts' });
}, 120_000);
