import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeInstance } from '../../src/actors/instance-file.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import { writeIntent } from '../../src/os/run-directory.ts';

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'hf-instance-'));
  mkdirSync(join(stateDir, 'run', 'abcdefghijklmnopqrst'), { recursive: true });
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const path = () => join(stateDir, 'instance.json');
const change = (find: string, by: string) =>
  writeFileSync(path(), readFileSync(path(), 'utf8').replace(find, by));

describe('the identity of a data directory', () => {
  it('is kept from agent to agent, and their epochs are counted', () => {
    const log = openMemoryEventLog();
    const { instanceId } = takeInstance(stateDir, log);
    expect(instanceId).toMatch(/^[0-9a-f]{32}$/);
    expect(takeInstance(stateDir, log)).toEqual({ instanceId, agentEpoch: 2 });
  });

  it('survives a lost store', () => {
    const { instanceId } = takeInstance(stateDir, openMemoryEventLog());
    expect(takeInstance(stateDir, openMemoryEventLog())).toEqual({ instanceId, agentEpoch: 2 });
  });

  it('is that of the store when the file is not what was written', () => {
    for (const hurt of ['changed', 'cut', 'a directory']) {
      const log = openMemoryEventLog();
      rmSync(path(), { recursive: true, force: true });
      const { instanceId } = takeInstance(stateDir, log);
      const first = instanceId.slice(0, 1);
      if (hurt === 'changed') change(`"${first}`, first === '0' ? '"1' : '"0');
      if (hurt === 'cut') writeFileSync(path(), readFileSync(path(), 'utf8').slice(0, 30));
      if (hurt === 'a directory') rmSync(path());
      if (hurt === 'a directory') mkdirSync(path());
      expect(takeInstance(stateDir, log)).toEqual({ instanceId, agentEpoch: 2 });
    }
  });

  it('is not that of a file from elsewhere, which the store or what runs belies', () => {
    const log = openMemoryEventLog();
    const { instanceId } = takeInstance(stateDir, log);
    rmSync(path());
    const other = takeInstance(stateDir, openMemoryEventLog()).instanceId;
    expect(other).not.toBe(instanceId);
    expect(takeInstance(stateDir, log).instanceId).toBe(instanceId);
  });

  it('is that of the runs when both are lost, with an epoch that no agent before can have had', () => {
    const { instanceId } = takeInstance(stateDir, openMemoryEventLog());
    const names = { allocId: 'a', task: 'web', run: 1, token: 't', specHash: 'h' };
    writeIntent(join(stateDir, 'run', 'abcdefghijklmnopqrst'), {
      ...names,
      protocol: 1,
      instanceId,
      mark: `${instanceId}:abcdefghijklmnopqrst`,
      machineEpoch: 'm',
    });
    rmSync(path());
    const again = takeInstance(stateDir, openMemoryEventLog());
    expect(again.instanceId).toBe(instanceId);
    expect(again.agentEpoch).toBeGreaterThan(1_000_000);
  });
});
