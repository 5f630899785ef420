/** What the logmon hook leaves behind when no collector can be had. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import type { CollectWish, HookDoors, HookRequest } from '../../src/hooks/hook.ts';
import { logmon } from '../../src/hooks/logmon.ts';
import type { TaskSpec } from '../../src/spec/task-spec.ts';
import { makeFifo } from '../../src/os/libc.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-logmon-hook-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A task whose newest run has this number, with its FIFOs. */
function request(run: number): HookRequest {
  const dirs = { stdoutFifo: join(dir, 'k.out'), stderrFifo: join(dir, 'k.err'), logs: dir };
  for (const path of [dirs.stdoutFifo, dirs.stderrFifo]) makeFifo(path);
  const task = { name: 't', logs: { maxFiles: 1, maxFileSizeMb: 1 } };
  return { run, dirs, task } as unknown as HookRequest;
}

const lost = new HoldfastError('LOGMON_LOST', 'no collector can be had');
const doors = {
  signal: new AbortController().signal,
  logmon: { collect: () => Promise.reject(lost), release: () => Promise.reject(lost) },
} as unknown as HookDoors;

describe('the logmon hook', () => {
  it('is no part of the plan of a task whose output is disabled', () => {
    const plan = (logs: object): boolean => logmon.when?.({ logs } as unknown as TaskSpec) ?? true;
    expect([plan({}), plan({ disabled: false }), plan({ disabled: true })]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('says before a start that what comes is of the next run, and of that one once it runs', async () => {
    const runs: number[] = [];
    const note = async ({ run }: CollectWish): Promise<void> => void runs.push(run);
    const listening = { ...doors, logmon: { ...doors.logmon, collect: note, resume: note } };
    const first = request(1);
    await logmon.prestart?.(first, listening);
    await logmon.start?.({ ...first, run: 2 }, listening);
    expect(runs).toEqual([2, 2]);
  });
});

describe('a cleanup that finds no FIFO', () => {
  it('has the collector let go, which reads on for ever where somebody else removed the name', async () => {
    const released: string[] = [];
    const release = async (taskKey: string): Promise<void> => void released.push(taskKey);
    const one = request(1);
    for (const path of [one.dirs.stdoutFifo, one.dirs.stderrFifo]) rmSync(path);
    await logmon.cleanup?.(one, { ...doors, logmon: { ...doors.logmon, release } });
    expect(released).toHaveLength(1);
    await expect(logmon.cleanup?.(one, doors)).resolves.toBeUndefined();
  });
});

describe('without a collector', () => {
  it('the FIFOs of a task that was never started go', async () => {
    await logmon.cleanup?.(request(0), doors);
    expect(existsSync(join(dir, 'k.out')) || existsSync(join(dir, 'k.err'))).toBe(false);
  });

  it('those of a task that ran stay: its last words may be in them', async () => {
    await expect(logmon.cleanup?.(request(1), doors)).rejects.toBe(lost);
    expect(existsSync(join(dir, 'k.out')) && existsSync(join(dir, 'k.err'))).toBe(true);
  });
});
