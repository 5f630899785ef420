import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { strangeness, takeInstance } from '../../src/actors/instance-file.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import { writeInstance } from '../../src/os/instance-record.ts';
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

/** The files of a run that this instance started here. */
function startedBy(instanceId: string): void {
  writeIntent(join(stateDir, 'run', 'abcdefghijklmnopqrst'), {
    protocol: 1,
    allocId: 'a',
    task: 'web',
    run: 1,
    token: 't',
    specHash: 'h',
    instanceId,
    mark: `${instanceId}:abcdefghijklmnopqrst`,
    machineEpoch: 'm',
  });
}

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
    startedBy(instanceId);
    rmSync(path());
    const again = takeInstance(stateDir, openMemoryEventLog());
    expect(again.instanceId).toBe(instanceId);
    expect(again.agentEpoch).toBeGreaterThan(1_000_000);
  });

  it('is that of what runs, and not of a file from elsewhere, when the store is lost', () => {
    fileOf('other', 'elsewhere');
    startedBy('own');
    const { instanceId, agentEpoch } = takeInstance(stateDir, openMemoryEventLog());
    expect(instanceId).toBe('own');
    expect(agentEpoch).toBeGreaterThan(1_000_000);
  });
});

function fileOf(instanceId: string, place: 'here' | 'elsewhere'): void {
  writeInstance(stateDir, { instanceId, agentEpoch: 7 });
  if (place === 'elsewhere') change(stateDir, '/another/state');
}

describe('a store of instance X', () => {
  /** The file and where it was written, who started what ran here, whether the mark above speaks of the store. */
  const TABLE = [
    ['own', 'X', 'here', 'Y', false],
    ['own', 'Y', 'here', 'X', false],
    ['foreign', 'Y', 'here', undefined, false],
    ['foreign', 'Y', 'here', undefined, true],
    ['foreign', 'Y', 'here', 'Y', true],
    ['own', 'X', 'elsewhere', undefined, undefined],
    ['own', 'Y', 'elsewhere', undefined, true],
    ['own', 'Y', 'elsewhere', undefined, undefined],
    ['foreign', 'Y', 'elsewhere', undefined, false],
    ['foreign', 'Y', 'elsewhere', 'Y', undefined],
    ['own', undefined, 'here', undefined, true],
    ['own', undefined, 'here', undefined, undefined],
    ['foreign', undefined, 'here', undefined, false],
    ['own', undefined, 'here', 'X', false],
    ['own', undefined, 'here', 'Y', true],
    ['foreign', undefined, 'here', 'Y', false],
  ] as const;

  it.each(TABLE)(
    'is %s beside a file of %s from %s, runs of %s and a mark of it: %s',
    (verdict, file, place, runs, isMarked) => {
      if (file !== undefined) fileOf(file, place);
      if (runs !== undefined) startedBy(runs);
      const found = strangeness(stateDir, { instanceId: 'X', isMarked });
      expect(found === undefined ? 'own' : 'foreign').toBe(verdict);
    },
  );

  it('is nobody’s while no agent has opened it', () => {
    fileOf('Y', 'here');
    expect(strangeness(stateDir, { instanceId: undefined, isMarked: false })).toBeUndefined();
  });
});
