/** The files of an agent are moved, removed or copied by hand while it uses them. */
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

const HARMS: Readonly<Record<string, (store: string) => void>> = {
  removed: (store) => rmSync(store),
  'moved away': (store) => renameSync(store, `${store}.old`),
  'moved away with its directory, which is a file now': (store) => {
    renameSync(dirname(store), `${dirname(store)}-away`);
    writeFileSync(dirname(store), '');
  },
  'exchanged for a copy of itself': (store) => {
    cpSync(store, `${store}.new`);
    renameSync(`${store}.new`, store);
  },
  'robbed of its write-ahead log': (store) => rmSync(`${store}-wal`),
  'robbed of its lock': (store) => rmSync(join(dirname(store), '..', 'lock')),
  'locked by nobody, since its lock is another file': (store) => {
    const lock = join(dirname(store), '..', 'lock');
    rmSync(lock);
    writeFileSync(lock, '');
  },
};

it('an agent whose store was taken away stops, leaves its tasks, and may be opened again', async () => {
  const stopped = await Promise.all(
    Object.values(HARMS).map(async (harm) => {
      const { agent, dataDir } = await opened();
      const { ended } = agent.orchestrator;
      harm(join(dataDir, ...STORE));
      const error = await ended;
      return [error?.code, error?.retryable, agent.world.living.length, error?.message];
    }),
  );
  const text = expect.stringMatching(
    /(log\.db(-wal)?|lock) was removed or exchanged while an agent used it$/,
  );
  expect(stopped).toEqual(Object.keys(HARMS).map(() => ['STORE_FAILED', true, 1, text]));
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
