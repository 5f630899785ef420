import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitOfContainer } from '../../src/os/exit-record.ts';
import {
  containerCode,
  createFailure,
  hasContainer,
  isCreated,
  isWaiting,
} from '../../src/os/oci-files.ts';
import { readExit } from '../../src/os/run-directory.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-oci-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(join(dir, path, '..'), { recursive: true });
  writeFileSync(join(dir, path), text);
}

const IDENTITY = '4182 (web) S 1 4182 4182 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 1 1\n';
const identified = (): void => put('identity', IDENTITY);
const told = (code: string): void => put(`oci/code/${basename(dir)}`, code);

describe('what an OCI runtime tells of an end', () => {
  it.each([
    [0, { exitCode: 0, signal: null }],
    [128, { exitCode: 128, signal: null }],
    [137, { exitCode: null, signal: 'SIGKILL' }],
    [143, { exitCode: null, signal: 'SIGTERM' }],
    [192, { exitCode: null, signal: 'SIG64' }],
    [193, { exitCode: 193, signal: null }],
    [255, { exitCode: 255, signal: null }],
  ])('%i is %j', (code, end) => {
    expect(exitOfContainer(code)).toEqual({ ...end, execFailed: false });
  });
});

describe('the end of a container whose shim was killed', () => {
  it('is what conmon wrote', () => {
    identified();
    put('exit', ' '.repeat(512));
    told('3');
    expect(readExit(dir)).toMatchObject({ is: 'whole', value: { exitCode: 3, signal: null } });
  });

  it('is nothing without an identity: it was never let go, and ended by force', () => {
    told('137');
    expect(readExit(dir)).toEqual({ is: 'absent' });
  });

  it('is what the shim wrote where it did', () => {
    identified();
    put('exit', 'code 4\nagain 4\n.\n');
    told('3');
    expect(readExit(dir)).toMatchObject({ is: 'whole', value: { exitCode: 4 } });
  });

  it.each(['', '3\n', '-1', '256', 'three'])('is broken when it says %j', (text) => {
    identified();
    told(text);
    expect(containerCode(dir)).toBe('broken');
    expect(readExit(dir)).toEqual({ is: 'broken' });
  });

  it('is none where there is no container', () => {
    identified();
    expect(hasContainer(dir)).toBe(false);
    expect(containerCode(dir)).toBeUndefined();
    expect(readExit(dir)).toEqual({ is: 'absent' });
  });
});

describe('a container', () => {
  it('is created when runc has its state, and waits until its FIFO is gone', () => {
    const state = `oci/state/${basename(dir)}`;
    put(`${state}/other`, '');
    expect([isCreated(dir), isWaiting(dir)]).toEqual([false, false]);
    put(`${state}/state.json`, '{}');
    put(`${state}/exec.fifo`, '');
    expect([isCreated(dir), isWaiting(dir)]).toEqual([true, true]);
    rmSync(join(dir, state, 'exec.fifo'));
    expect([isCreated(dir), isWaiting(dir)]).toEqual([true, false]);
  });

  it('that could not be made is told of in the words of runc, else of conmon', () => {
    expect(createFailure(dir)).toBeUndefined();
    put('oci/told', '{"data": -1, "message": "conmon says"}\n');
    expect(createFailure(dir)).toBe('conmon says');
    const lines = [
      { level: 'warning', msg: 'only a warning' },
      { level: 'error', msg: 'the first' },
      { level: 'error', msg: 'the last\n' },
    ];
    put('oci/log', `${lines.map((line) => JSON.stringify(line)).join('\n')}\nnot JSON\n`);
    expect(createFailure(dir)).toBe('the last');
  });
});
