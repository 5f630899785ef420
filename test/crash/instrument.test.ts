import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crashPoints, instrument, type InstrumentedCopy } from './instrument.ts';
import { MUTANTS } from './mutants.ts';
import { parsePlan, planText, type Strike } from './plan.ts';

const ROOT = join(import.meta.dirname, '..', '..');

describe('the crash points of the sources', () => {
  it.each([
    ['agent', 40],
    ['executor', 10],
    ['logmon', 6],
    ['shim', 6],
  ])('are enough in the %s', (prefix, least) => {
    const own = crashPoints().filter((point) => point.startsWith(`${prefix}.`));
    expect(own.length).toBeGreaterThanOrEqual(least);
  });

  it('are each named after the process that comes by', () => {
    const strange = crashPoints().filter(
      (one) => !/^(agent|dockerlogger|executor|logmon|shim)\./.test(one),
    );
    expect(strange).toEqual([]);
  });
});

describe('an instrumented copy', () => {
  let dir: string;
  let copy: InstrumentedCopy;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'hf-copy-'));
    copy = instrument(join(dir, 'copy'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('calls at a point, on the line where it is named', () => {
    const path = join('src', 'log', 'row-event-log.ts');
    const original = readFileSync(join(ROOT, path), 'utf8').split('\n');
    const line = original.findIndex((one) => one.includes('crash point: agent.append.before'));
    const alive = readFileSync(join(copy.dir, path), 'utf8').split('\n');
    expect(alive[line]?.trim()).toBe(`globalThis.crashPoint?.('agent.append.before');`);
    expect(alive).toHaveLength(original.length);
  });

  it('calls in the shim, in its own words', () => {
    const shim = join(copy.dir, 'src', 'processes', 'executor-host', 'shim.ts');
    expect(readFileSync(shim, 'utf8')).toContain('\ncrash_point shim.fate.before\n');
  });

  it.each(MUTANTS)('can be made of the mutant $name', ({ name, patches }) => {
    expect(() => instrument(join(dir, name), patches)).not.toThrow();
  });
});

describe('a plan in one word', () => {
  const plan: readonly Strike[] = [
    { point: 'agent.append.before', nth: 7, action: 'kill', ms: 0 },
    { point: 'rig', nth: 1, action: 'reboot', ms: 20 },
  ];

  it('says everything of it', () => {
    expect(planText('service', plan)).toBe('service:agent.append.before#7=kill,rig#1=reboot@20');
    expect(parsePlan(planText('service', plan))).toEqual({ workload: 'service', plan });
    expect(parsePlan('batch:')).toEqual({ workload: 'batch', plan: [] });
  });

  it('is refused when it makes no sense', () => {
    expect(() => parsePlan('batch:agent.append.before')).toThrow('is no strike');
  });
});
