/** Events for the tests of the log: short to write, of the real vocabulary. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export const WEB = 'task/a1/web';
export const DB = 'task/a1/db';
export const ALLOC = 'alloc/a1';

/** An event of a task stream that carries a number, so that a test can tell it from its neighbours. */
export function message(number: number, text = `message ${number}`) {
  return {
    type: 'HookMessage',
    run: 1,
    at: 1_790_000_000_000 + number,
    data: { hook: 'task-dir', phase: 'prestart', message: text },
  } as const;
}

export function messages(count: number, from = 1) {
  return Array.from({ length: count }, (_, index) => message(from + index));
}

export function gateOpened(at = 5) {
  return { type: 'GateOpened', run: 0, at, data: { gate: 'main' } } as const;
}

export function allocRemoved(at = 5) {
  return { type: 'AllocRemoved', run: 0, at, data: {} } as const;
}

export function diskLow(at = 5) {
  return { type: 'DiskLow', run: 0, at, data: { freeBytes: 1, floorBytes: 2 } } as const;
}

/** In memory where there is such a place: what is tested is never the speed of the disk. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A directory that is gone after the test. */
export function freshDir(): string {
  const dir = mkdtempSync(join(PLACE, 'holdfast-log-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
