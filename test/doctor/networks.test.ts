import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { StoreReading } from '../../src/doctor/store-reading.ts';
import { networks } from '../../src/doctor/networks.ts';
import { allocTable } from '../../src/machines/alloc-machine.ts';

it('the doctor names allocs that have ended and whose networks are still there', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'hf-doctor-'));
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  const folded = (value: string) => ({
    version: 1,
    position: 1,
    state: { ...allocTable.initial, value },
  });
  const allocs: StoreReading['allocs'] = new Map([
    ['lives', folded('main')],
    ['over', folded('stopped')],
  ]);
  const find = () => networks({ stateDir }, { allocs }, 'no-such-instance');
  mkdirSync(join(stateDir, 'networks', 'lives'), { recursive: true });
  expect(find()).toEqual([]);
  for (const allocId of ['over', 'unknown']) mkdirSync(join(stateDir, 'networks', allocId));
  const message = 'the network of 2 allocs is still there after the end: over, unknown';
  expect(find()).toMatchObject([{ level: 'warn', check: 'leftover networks', message }]);
  expect(networks({ stateDir }, undefined, undefined)).toEqual([]);
});
