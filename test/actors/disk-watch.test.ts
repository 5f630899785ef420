import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ballast } from '../../src/actors/ballast.ts';
import { DiskWatch } from '../../src/actors/disk-watch.ts';
import { StartGate } from '../../src/actors/start-gate.ts';
import { silentLogger } from '../../src/ports.ts';

let dir: string;
let gate: StartGate;
let facts: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-disk-'));
  gate = new StartGate();
  facts = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A floor that no disk reaches stands for a disk that is full. */
function watch(floorBytes: number, wasLow = false): DiskWatch {
  const record = (type: string): void => void facts.push(type);
  const doors = { dir, floorBytes, gate, ballast: new Ballast(dir), logger: silentLogger };
  const place = { look: () => undefined };
  return new DiskWatch({ ...doors, record, wasLow, place });
}

describe('a disk', () => {
  it('with room holds nobody up, and gets its ballast', async () => {
    await watch(0).look();
    expect([gate.holds, facts]).toEqual([[], []]);
    expect(readdirSync(dir)).toEqual(['ballast']);
    const { size, blocks } = statSync(join(dir, 'ballast'));
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
  });

  it('below its floor holds starts up, and is recorded once', async () => {
    const disk = watch(Number.MAX_SAFE_INTEGER);
    await disk.look();
    await disk.look();
    expect([gate.holds, facts]).toEqual([['disk-low'], ['DiskLow']]);
    expect(gate.wordsOf('disk-low')).toMatch(
      new RegExp(`^\\d+ MiB are free at ${dir}, and starts go on from \\d+ MiB on \\(--disk-floor`),
    );
    expect(readdirSync(dir)).toEqual([]);
  });

  it('that an earlier agent found low is said to be healed by the one that finds room', async () => {
    const disk = watch(0, true);
    expect(gate.holds).toEqual(['disk-low']);
    await disk.look();
    await disk.look();
    expect([gate.holds, facts]).toEqual([[], ['DiskHealed']]);
  });

  it('that is still low is not said to have fallen again', async () => {
    await watch(Number.MAX_SAFE_INTEGER, true).look();
    expect([gate.holds, facts]).toEqual([['disk-low'], []]);
  });

  it('that cannot be looked at is left as it was', async () => {
    const disk = watch(0);
    rmSync(dir, { recursive: true });
    await disk.look();
    expect([gate.holds, facts]).toEqual([[], []]);
    dir = mkdtempSync(join(tmpdir(), 'hf-disk-'));
  });
});

describe('the ballast', () => {
  it('is given up and taken again', async () => {
    const ballast = new Ballast(dir);
    await ballast.take();
    ballast.give();
    expect(readdirSync(dir)).toEqual([]);
    await ballast.take();
    await ballast.take();
    expect(readdirSync(dir)).toEqual(['ballast']);
  });

  it('stays where there is room', async () => {
    await new Ballast(dir).take();
    new Ballast(dir).giveIfNeeded();
    expect(readdirSync(dir)).toEqual(['ballast']);
  });
});
