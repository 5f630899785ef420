import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  instancePath,
  originalOf,
  readInstance,
  writeInstance,
} from '../../src/os/instance-record.ts';

let top: string;
const place = (name: string): string => join(top, name);
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'hf-record-'));
  mkdirSync(place('first'));
  writeInstance(place('first'), { instanceId: 'abc', agentEpoch: 3 });
});
afterEach(() => rmSync(top, { recursive: true }));

describe('the record of an instance', () => {
  it('is read as it was written, with its place', () => {
    expect(readInstance(place('first'))).toEqual({
      instanceId: 'abc',
      agentEpoch: 3,
      stateDir: place('first'),
    });
  });

  it('of the first release names no place', () => {
    writeFileSync(instancePath(place('first')), '{"instanceId":"abc","agentEpoch":3}');
    expect(readInstance(place('first'))).toEqual({ instanceId: 'abc', agentEpoch: 3 });
    cpSync(place('first'), place('second'), { recursive: true });
    expect(originalOf(place('second'))).toBeUndefined();
  });
});

describe('a directory', () => {
  it('is a copy while the one that was copied is there, and that one is not', () => {
    cpSync(place('first'), place('second'), { recursive: true });
    expect(originalOf(place('second'))).toBe(place('first'));
    expect(originalOf(place('first'))).toBeUndefined();
  });

  it('that was moved is no copy, nor one that is seen through a link', () => {
    symlinkSync(place('first'), place('link'));
    expect(originalOf(place('link'))).toBeUndefined();
    renameSync(place('first'), place('moved'));
    expect(originalOf(place('moved'))).toBeUndefined();
    symlinkSync(place('moved'), place('first'));
    expect(originalOf(place('moved'))).toBeUndefined();
  });

  it('is no copy of another instance that came in its place', () => {
    renameSync(place('first'), place('moved'));
    mkdirSync(place('first'));
    writeInstance(place('first'), { instanceId: 'def', agentEpoch: 1 });
    expect(originalOf(place('moved'))).toBeUndefined();
  });

  it('that was put back from a copy is the original, and what was moved away is the copy', () => {
    renameSync(place('first'), place('away'));
    cpSync(place('away'), place('first'), { recursive: true });
    expect(originalOf(place('first'))).toBeUndefined();
    expect(originalOf(place('away'))).toBe(place('first'));
  });
});
