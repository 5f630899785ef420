import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultLogBudget, LogUpkeep } from '../../src/actors/log-upkeep.ts';
import { NodeJournal } from '../../src/actors/node-journal.ts';
import { NODE_STREAM } from '../../src/events/envelope.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import { makeFifo } from '../../src/os/libc.ts';
import { formatPurge, type Purge } from '../../src/output/purges.ts';
import { silentLogger } from '../../src/ports.ts';
import { PurgeJournal } from '../../src/processes/logmon-host/purge-journal.ts';
import { FakeClock } from '../../src/testing/index.ts';

let dir: string;
let log: EventLog;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-log-upkeep-'));
  log = openMemoryEventLog();
});
afterEach(async () => {
  await log.close();
  rmSync(dir, { recursive: true });
});

const purge = (number: number, more: Partial<Purge> = {}): Purge => ({
  allocId: 'a',
  task: 'web',
  stream: 'stdout',
  segments: [number],
  bytes: 10,
  ...more,
});

const journal = (): PurgeJournal => new PurgeJournal(join(dir, 'purged.jsonl'), () => undefined);

/** What an agent does; `dies` before the append of so many. */
function agent(dies = Infinity): LogUpkeep {
  const node = new NodeJournal(log, new FakeClock(), silentLogger);
  let appended = 0;
  return new LogUpkeep({
    stateDir: dir,
    log,
    append: (type, facts) => {
      appended += 1;
      if (appended > dies) throw new Error('the agent died');
      return node.append(type, facts);
    },
  });
}

const recorded = (): unknown[] => log.readStream(NODE_STREAM).map(({ data }) => data);

describe('what hosts removed', () => {
  it('becomes one fact for each stream, and the note of it goes', async () => {
    for (const one of [purge(0), purge(1), purge(0, { task: 'db' })]) journal().add(one);
    await agent().look();
    expect(recorded()).toEqual([
      { ...purge(0), segments: [0, 1], bytes: 20 },
      purge(0, { task: 'db' }),
    ]);
    expect([
      existsSync(join(dir, 'purged.jsonl')),
      existsSync(join(dir, 'purged.jsonl.taken')),
    ]).toEqual([false, false]);
  });

  it('is recorded once by agents that die in between, at any step', async () => {
    for (const one of [purge(0), purge(0, { task: 'db' }), purge(0, { task: 'cache' })])
      journal().add(one);
    for (const dies of [0, 1, 1]) await expect(agent(dies).look()).rejects.toThrow('died');
    await agent().look();
    expect(recorded()).toHaveLength(3);
    // The note of what is recorded was not removed yet.
    writeFileSync(join(dir, 'purged.jsonl.taken'), formatPurge(purge(0)));
    await agent().look();
    expect(recorded()).toHaveLength(3);
  });

  it('is recorded once although two hosts tell of it', async () => {
    const living = agent();
    journal().add(purge(3));
    await living.look();
    journal().add(purge(3));
    journal().add(purge(4));
    await living.look();
    expect(recorded()).toEqual([purge(3), purge(4)]);
  });

  it('that an agent took before it died is not lost by what was noted since', async () => {
    writeFileSync(join(dir, 'purged.jsonl.taken'), formatPurge(purge(1)));
    journal().add(purge(2));
    await agent().look();
    expect(recorded()).toEqual([purge(1), purge(2)]);
  });

  it('waits for a host that is just writing, and is no news when there is none', async () => {
    await agent().look();
    expect(recorded()).toEqual([]);
    const host = journal();
    host.add(purge(1));
    const looks = agent();
    await Promise.all([looks.look(), looks.look()]);
    expect(recorded()).toEqual([purge(1)]);
  });

  it('is not read through a FIFO that somebody put there', async () => {
    makeFifo(join(dir, 'purged.jsonl'));
    await agent().look();
    expect(recorded()).toEqual([]);
  });
});

it('the budget of a machine is a tenth of its disk, and 5 GiB at most', () => {
  const { blocks, bsize } = statfsSync(dir);
  expect(defaultLogBudget(dir)).toBe(Math.min(5 * 2 ** 30, Math.floor((blocks * bsize) / 10)));
});
