/** The files of an agent are moved, removed or copied by hand while it uses them. */
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openOrchestrator } from '../../src/orchestrator.ts';
import { eventually, MockAgent } from './mock-agent.ts';

async function opened(): Promise<{ agent: MockAgent; dataDir: string }> {
  const agent = new MockAgent();
  const orchestrator = await agent.open();
  await agent.start('web');
  await agent.until('web', 'running');
  return { agent, dataDir: (await orchestrator.agent()).dataDir };
}

const STORE = ['state', 'store', 'log.db'];

it.each([
  ['removed', (path: string) => rmSync(path)],
  ['moved away', (path: string) => renameSync(path, `${path}.old`)],
  [
    'exchanged for a copy of itself',
    (path: string) => {
      cpSync(path, `${path}.new`);
      renameSync(`${path}.new`, path);
    },
  ],
])(
  'an agent whose store was %s stops, leaves its tasks, and may be opened again',
  async (_how, act) => {
    const { agent, dataDir } = await opened();
    const { ended } = agent.orchestrator;
    act(join(dataDir, ...STORE));
    expect(await ended).toMatchObject({
      code: 'STORE_FAILED',
      retryable: true,
      message: expect.stringMatching(/log\.db was removed or exchanged while an agent used it$/),
    });
    expect(agent.world.living).toHaveLength(1);
  },
);

it('an agent whose write-ahead log was removed stops before more is written there', async () => {
  const { agent, dataDir } = await opened();
  const { ended } = agent.orchestrator;
  rmSync(`${join(dataDir, ...STORE)}-wal`);
  expect(await ended).toMatchObject({ code: 'STORE_FAILED', retryable: true });
});

it('an agent whose data directory was moved stops for good, and goes on in the new place', async () => {
  const { agent, dataDir } = await opened();
  const { ended } = agent.orchestrator;
  const moved = `${dataDir}-moved`;
  onTestFinished(() => rmSync(moved, { recursive: true, force: true }));
  renameSync(dataDir, moved);
  expect(await ended).toMatchObject({
    code: 'STORE_FAILED',
    retryable: false,
    message: expect.stringContaining(`${dataDir}/state was removed, moved or exchanged`),
  });
  renameSync(moved, dataDir);
  await agent.open();
  expect(await agent.until('web', 'running')).toMatchObject({ run: 1 });
});

it('a copy of a data directory is refused, untouched, and the original goes on', async () => {
  const { agent, dataDir } = await opened();
  const copy = `${dataDir}-copy`;
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(dataDir, copy, { recursive: true });
  await expect(openOrchestrator({ dataDir: copy })).rejects.toMatchObject({
    code: 'DATA_DIR_REFUSED',
    message: expect.stringContaining(`${copy} is a copy of the data directory ${dataDir}`),
  });
  await agent.start('more');
  await agent.until('more', 'running');
  await agent.leave();
  await agent.open();
  await eventually(async () => expect(await agent.orchestrator.allocs()).toHaveLength(2));
});
