import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { examine } from '../../src/doctor/examine.ts';
import { allocDirsOf, layoutOf } from '../../src/layout.ts';
import { ALLOC_ID, madeStore } from './stores.ts';

it('the doctor names allocs that were let go and whose files are still there', async () => {
  const { dataDir, log } = await madeStore();
  const stream = `alloc/${ALLOC_ID}`;
  const at = Date.now();
  const find = async () =>
    (await examine(dataDir, at)).filter(({ check }) => check === 'leftover files');
  const [allocDir = ''] = allocDirsOf(layoutOf(dataDir), ALLOC_ID);
  mkdirSync(allocDir, { recursive: true });
  expect(await find()).toEqual([]);
  await log.append(stream, log.versionOf(stream), [{ type: 'AllocRemoved', run: 0, at, data: {} }]);
  expect(await find()).toMatchObject([
    { level: 'warn', message: `1 finished alloc could not be removed: ${allocDir}` },
  ]);
});
