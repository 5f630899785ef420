/**
 * Golden logs: what every release wrote, today's code must still understand. Each `<version>-<story>.jsonl` is the log
 * of one alloc; the `.states.json` beside it is what that release folded it to. Add stories, never change one.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../src/actors/fold-row.ts';
import { foldEvents, emptyReplay, replayLog } from '../../src/actors/replay.ts';
import { decode } from '../../src/events/codec.ts';
import type { EventLog, StoredRow } from '../../src/log/event-log.ts';
import { NO_SNAPSHOTS } from '../../src/log/snapshot-cache.ts';
import { allocTable } from '../../src/machines/alloc-machine.ts';
import { taskTable } from '../../src/machines/task-machine.ts';

const FOLDER = new URL('histories/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name !== 'SHA256SUMS');
const STORIES = FILES.filter((name) => name.endsWith('.jsonl')).map((name) => name.slice(0, -6));

function read(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}

function rowsOf(story: string): readonly StoredRow[] {
  const lines = read(`${story}.jsonl`).trimEnd().split('\n');
  return lines.map((line) => {
    const { data, ...rest } = JSON.parse(line) as StoredRow;
    return { ...rest, data: JSON.stringify(data) };
  });
}

/** States by stream, as JSON keeps them. */
function replayed(rows: readonly StoredRow[]): unknown {
  const into = emptyReplay();
  replayLog({ rows: () => rows, snapshots: NO_SNAPSHOTS } as unknown as EventLog, into);
  expect(into.quarantined).toEqual(new Map());
  const states = [...into.allocs, ...into.tasks].map(([stream, { state }]) => [stream, state]);
  return asJson(Object.fromEntries(states));
}

function foldedWhole(rows: readonly StoredRow[]): unknown {
  const streams = new Set(rows.map((row) => row.stream));
  // Facts of the machine are no state; they must be understood all the same.
  for (const row of rows) decode(row);
  const folded = [...streams].filter((stream) => kindOf(stream) !== undefined);
  const states = folded.map((stream) => {
    const events = rows
      .filter((row) => row.stream === stream)
      .map((row) => ({ ...row, ...decode(row), storeId: 's' }));
    const isTask = stream.startsWith('task/');
    const whole = isTask ? foldEvents(taskTable, events) : foldEvents(allocTable, events);
    return [stream, whole.state];
  });
  return asJson(Object.fromEntries(states));
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe.each(STORIES)('the log of %s', (story) => {
  it('folds to the states that its release recorded', () => {
    expect(replayed(rowsOf(story))).toMatchObject(JSON.parse(read(`${story}.states.json`)));
  });

  it('folds to the same states when every event is parsed', () => {
    expect(foldedWhole(rowsOf(story))).toEqual(replayed(rowsOf(story)));
  });
});

describe('the golden logs', () => {
  it('are what their releases wrote: files may be added to SHA256SUMS, never changed', () => {
    const sums = FILES.toSorted().map((name) => {
      return `${createHash('sha256').update(read(name)).digest('hex')}  ${name}`;
    });
    expect(sums).toEqual(read('SHA256SUMS').trimEnd().split('\n').toSorted(byName));
  });
});

function byName(one: string, other: string): number {
  return one.slice(66) < other.slice(66) ? -1 : 1;
}
