import type * as Fs from 'node:fs';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SpecFiles } from '../../src/actors/spec-files.ts';
import { silentLogger } from '../../src/ports.ts';
import type { AllocSpec } from '../../src/spec/alloc-spec.ts';

/** What was brought to the disk, in order. */
const synced: string[] = [];
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  const fsync = (fd: number, done: Fs.NoParamCallback): void => {
    synced.push(fs.readlinkSync(`/proc/self/fd/${fd}`));
    fs.fsync(fd, done);
  };
  return { ...fs, fsync };
});

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'hf-specs-'))));
afterEach(() => rmSync(dir, { recursive: true }));

const spec: AllocSpec = {
  version: 1,
  name: 'web',
  type: 'batch',
  meta: {},
  labels: {},
  tasks: [],
};
const saved = (allocId: string) => ({ allocId, spec, specHash: 'hash' });

describe('the files of specs', () => {
  it('go for good when their alloc ends before they are on disk', async () => {
    const specs = new SpecFiles(dir);
    const saving = specs.save(saved('quick'));
    await Promise.all([specs.forget('quick'), saving]);
    expect(readdirSync(dir)).toEqual([]);
    await specs.save(saved('quick'));
    expect(readdirSync(dir)).toEqual(['quick.json']);
  });

  it('say when an alloc was accepted that may run so long only', async () => {
    const specs = new SpecFiles(dir);
    const limited = { ...saved('limited'), acceptedAt: 7 };
    await specs.save(limited);
    writeFileSync(join(dir, 'odd.json'), JSON.stringify({ ...saved('odd'), acceptedAt: 'noon' }));
    expect(await specs.leftBehind(() => 'unknown')).toEqual({
      saved: [limited],
      unreadable: new Set(['odd']),
    });
  });

  it('are on disk with their name when they are saved', async () => {
    synced.length = 0;
    await new SpecFiles(dir).save(saved('kept'));
    expect(synced).toEqual([join(dir, 'kept.json.new'), dir]);
  });

  it('that the disk does not let go of go later, unless their alloc is saved anew', async () => {
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (facts: object) => void warnings.push(facts) };
    const specs = new SpecFiles(dir, { logger, removeAgainMs: 10 });
    // No file can be removed by `rm -f` where a directory is.
    for (const allocId of ['held', 'anew']) mkdirSync(join(dir, `${allocId}.json`));
    await specs.forget('held');
    await specs.forget('anew');
    expect(warnings).toMatchObject([{ allocId: 'held' }, { allocId: 'anew' }]);
    for (const allocId of ['held', 'anew'])
      rmSync(join(dir, `${allocId}.json`), { recursive: true });
    writeFileSync(join(dir, 'held.json'), '');
    await specs.save(saved('anew'));
    await vi.waitFor(() => expect(readdirSync(dir)).toEqual(['anew.json']));
  });

  it('of allocs that have ended go at the next opening, with what was half written', async () => {
    const specs = new SpecFiles(dir);
    for (const allocId of ['ended', 'live']) await specs.save(saved(allocId));
    writeFileSync(join(dir, 'torn.json.new'), '{"allocId":');
    const found = await specs.leftBehind((allocId) => (allocId === 'ended' ? 'ended' : 'unknown'));
    expect(readdirSync(dir)).toEqual(['live.json']);
    expect(found).toEqual({ saved: [saved('live')], unreadable: new Set() });
  });

  it('that are missing, torn or old are written again by an opening agent, if their alloc still lives', async () => {
    const specs = new SpecFiles(dir);
    await specs.save({ ...saved('whole'), payload: 'aGk=' });
    // An agent died between the update of the alloc and that of its file.
    await specs.save({ ...saved('old'), specHash: 'as it was', payload: 'aGk=' });
    writeFileSync(join(dir, 'torn.json'), '{"allocId":"to');
    // Nothing can be renamed over a directory: the others must not wait for it.
    mkdirSync(join(dir, 'blocked.json'));
    await specs.complete(['blocked', 'whole', 'old', 'torn', 'gone', 'over'], (allocId) =>
      allocId === 'over' ? undefined : saved(allocId),
    );
    const found = await specs.leftBehind(() => 'unknown');
    expect(found.saved.toSorted((a, b) => (a.allocId < b.allocId ? -1 : 1))).toEqual([
      saved('gone'),
      { ...saved('old'), payload: 'aGk=' },
      saved('torn'),
      { ...saved('whole'), payload: 'aGk=' },
    ]);
    expect(found.unreadable).toEqual(new Set(['blocked']));
  });

  it('that say anything else than what was written are told apart from those that are missing', async () => {
    const specs = new SpecFiles(dir);
    for (const allocId of ['flipped', 'moved', 'whole']) await specs.save(saved(allocId));
    const text = readFileSync(join(dir, 'flipped.json'), 'utf8');
    writeFileSync(join(dir, 'flipped.json'), text.replace('"web"', '"wec"'));
    renameSync(join(dir, 'moved.json'), join(dir, 'elsewhere.json'));
    writeFileSync(join(dir, 'empty.json'), '');
    symlinkSync('/nonexistent/holdfast', join(dir, 'linked.json'));
    // As the first releases wrote them.
    writeFileSync(join(dir, 'old.json'), JSON.stringify(saved('old')));
    const found = await specs.leftBehind(() => 'unknown');
    expect(found.saved.map(({ allocId }) => allocId).toSorted()).toEqual(['old', 'whole']);
    expect(found.unreadable).toEqual(new Set(['elsewhere', 'empty', 'flipped', 'linked']));
  });
});
