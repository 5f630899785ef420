import {
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  rmSync,
  writeFileSync,
  readFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFifo } from '../../src/os/libc.ts';
import { tryLock } from '../../src/os/pipes.ts';
import { readCollect, writeCollect } from '../../src/processes/executor-host/collect-file.ts';
import { HeldFifos } from '../../src/processes/executor-host/held-fifos.ts';
import { neglectedOutput } from '../../src/processes/executor-host/neglected.ts';
import { Run } from '../../src/processes/executor-host/run.ts';
import { CollectRequest } from '../../src/rpc/gen/holdfast/logmon/v1/logmon.ts';

let dir: string;
let fifos: HeldFifos;
let pump: number;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'neglected-'));
  for (const name of ['out', 'err']) makeFifo(join(dir, name));
  fifos = new HeldFifos();
  fifos.hold('run', [join(dir, 'out'), join(dir, 'err')]);
  pump = openSync(join(dir, 'out'), 'r+');
});
afterEach(() => {
  fifos.release('run');
  closeSync(pump);
  rmSync(dir, { recursive: true });
});

const wish: CollectRequest = {
  ...CollectRequest.decode(new Uint8Array()),
  taskKey: 'task',
  logDir: '/logs',
  run: 3,
};

function runOf(collect: Run['collect'], isOver = false): Run {
  const run = new Run('run', dir, 'mark');
  run.collect = collect;
  if (isOver) run.end = { is: 'lost', reason: 'gone', maybeRan: true };
  return run;
}

test('what nobody has locked is neglected, and a look at it locks nothing', () => {
  expect(neglectedOutput([runOf(wish)], fifos)).toEqual([wish]);
  expect(tryLock(pump)).toBe(true);
  const other = openSync(join(dir, 'err'), 'r+');
  expect(tryLock(other)).toBe(true);
  expect(neglectedOutput([runOf(wish)], fifos)).toEqual([]);
  closeSync(other);
  expect(neglectedOutput([runOf(wish)], fifos)).toEqual([wish]);
});

test('a run that is over is neglected for as long as its last words wait', () => {
  expect(neglectedOutput([runOf(wish, true)], fifos)).toEqual([]);
  writeFileSync(pump, 'last words');
  expect(neglectedOutput([runOf(wish, true)], fifos)).toEqual([wish]);
});

test('an adopted run is collected as its directory says, and one that says nothing by nobody', () => {
  expect(neglectedOutput([runOf(undefined)], fifos)).toEqual([]);
  writeCollect(dir, wish);
  expect(neglectedOutput([runOf(undefined)], fifos)).toEqual([wish]);
  expect(neglectedOutput([runOf('none')], fifos)).toEqual([]);
});

test('a file of it that has rotted says nothing', () => {
  writeCollect(dir, wish);
  expect(readCollect(dir)).toEqual(wish);
  const path = join(dir, 'collect');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/^./, 'X'));
  expect(readCollect(dir)).toBe('none');
  rmSync(path);
  mkdirSync(path);
  expect(readCollect(dir)).toBe('none');
});
