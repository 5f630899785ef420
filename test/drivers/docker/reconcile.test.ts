/** Random zoos of containers over random sweeps: exactly what is ours, unknown twice and seen long enough is left over. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownLabels } from '../../../src/drivers/docker/container-body.ts';
import { type Sightings, sweepContainers } from '../../../src/drivers/docker/reconcile.ts';
import type { ContainerEntry } from '../../../src/engine/engine.ts';
import { launchKey } from '../../../src/os/launch-key.ts';
import { tries } from '../../properties/tries.ts';
import { runRequest } from '../run-request.ts';

const MINE = 'mine';
const GRACE_MS = 300_000;
const SWEEPS = 8;

const RUN = runRequest('docker', {}, 1);

/** What stands around an engine: of all these only the first is ours. */
const KINDS = {
  ours: (key) => entry(key, `holdfast-${key}`, labels(key)),
  ofAnother: (key) => entry(key, `holdfast-${key}`, labels(key, 'yours')),
  ofOneWithALongerName: (key) => entry(key, `holdfast-${key}`, labels(key, `${MINE}2`)),
  namedAsOurs: (key) => entry(key, `holdfast-${key}`, {}),
  fromAnImageOfOurs: (key) => entry(key, 'somebodys', labels(key)),
  withTheMarkOfAnother: (key) =>
    entry(key, `holdfast-${key}`, { ...labels(key), 'dev.holdfast.mark': `yours:${key}` }),
  withHalfAMark: (key) =>
    entry(key, `holdfast-${key}`, { ...labels(key), 'dev.holdfast.mark': `${MINE}:` }),
  ofALaterProtocol: (key) =>
    entry(key, `holdfast-${key}`, { ...labels(key), 'dev.holdfast.protocol': '2' }),
  ofNoTask: (key) => entry(key, `holdfast-${key}`, { ...labels(key), 'dev.holdfast.task': '' }),
} as const satisfies Readonly<Record<string, (key: string) => ContainerEntry>>;

function labels(key: string, instanceId = MINE): Readonly<Record<string, string>> {
  return ownLabels({ ...RUN, mark: `${instanceId}:${key}` }, instanceId);
}

function entry(key: string, name: string, own: Readonly<Record<string, string>>): ContainerEntry {
  return { id: `id-${key}`, name, labels: own, state: 'running' };
}

interface Animal {
  readonly kind: keyof typeof KINDS;
  /** In which sweeps it is there, and in which the log knows it. */
  readonly from: number;
  readonly until: number;
  readonly known: readonly boolean[];
}

const animals: fc.Arbitrary<Animal> = fc.record({
  kind: fc.oneof(
    fc.constant('ours' as const),
    fc.constantFrom(...(Object.keys(KINDS) as (keyof typeof KINDS)[])),
  ),
  from: fc.nat(3),
  until: fc.integer({ min: 2, max: SWEEPS }),
  known: fc.array(fc.boolean(), { minLength: SWEEPS, maxLength: SWEEPS }),
});

const zoos = fc.record({
  animals: fc.array(animals, { minLength: 1, maxLength: 6 }),
  gaps: fc.array(fc.nat(400_000), { minLength: SWEEPS, maxLength: SWEEPS }),
});

type Zoo = typeof zoos extends fc.Arbitrary<infer T> ? T : never;

/** Ids that are left over in every sweep. */
function expected({ animals: all, gaps }: Zoo): readonly (readonly string[])[] {
  const times = timesOf(gaps);
  return times.map((now, sweep) =>
    all.flatMap(({ kind, from, until, known }, no) => {
      const isThere = kind === 'ours' && from < sweep && sweep < until;
      const isUnknownTwice = known[sweep] === false && known[sweep - 1] === false;
      const isOld = now - (times[from] ?? now) >= GRACE_MS;
      return isThere && isUnknownTwice && isOld ? [`id-${keyOf(no)}`] : [];
    }),
  );
}

function found({ animals: all, gaps }: Zoo, sweep: typeof sweepContainers) {
  let sightings: Sightings = new Map();
  return timesOf(gaps).map((now, no) => {
    const there = all.flatMap(({ kind, from, until }, index) =>
      from <= no && no < until ? [KINDS[kind](keyOf(index))] : [],
    );
    const keys = all.map((_, index) => keyOf(index));
    const result = sweep(there, sightings, {
      instanceId: MINE,
      graceMs: GRACE_MS,
      now,
      isKnown: (run) => all[keys.indexOf(run.launchKey)]?.known[no] === true,
    });
    ({ sightings } = result);
    return result.leftovers.map(({ entry: { id } }) => id);
  });
}

function timesOf(gaps: readonly number[]): readonly number[] {
  let now = 0;
  return gaps.map((gap) => (now += gap));
}

const KEYS = Array.from({ length: 6 }, (_, no) => launchKey('a1', 'web', no, 'token'));

function keyOf(no: number): string {
  return KEYS[no] ?? '';
}

function check(sweep: typeof sweepContainers) {
  const property = fc.property(zoos, (zoo) => {
    return JSON.stringify(found(zoo, sweep)) === JSON.stringify(expected(zoo));
  });
  return fc.check(property, tries(1_000));
}

describe('what is left over at an engine', () => {
  it('is what is ours, unknown in two sweeps in a row, and seen for the whole grace', () => {
    const { failed, counterexample } = check(sweepContainers);
    expect({ failed, counterexample }).toEqual({ failed: false, counterexample: null });
  });

  it('has seen what these zoos are about: most of them have something left over, and much that is not', () => {
    const samples = fc.sample(zoos, { numRuns: 1_000, seed: 42 });
    const withSome = samples.filter((zoo) => expected(zoo).some((ids) => ids.length > 0));
    expect(withSome.length).toBeGreaterThan(200);
    const kinds = new Set(samples.flatMap(({ animals: all }) => all.map(({ kind }) => kind)));
    expect([...kinds].toSorted()).toEqual(Object.keys(KINDS).toSorted());
  });

  it.each<[string, typeof sweepContainers]>([
    [
      'knows no grace',
      (entries, before, rules) => sweepContainers(entries, before, { ...rules, graceMs: 0 }),
    ],
    [
      'is content with one sweep',
      (entries, before, rules) => {
        const once = entries.map(({ id }) => {
          const { firstSeenAt = rules.now, unknownSweeps = 0 } = before.get(id) ?? {};
          return [id, { firstSeenAt, unknownSweeps: Math.max(1, unknownSweeps) }] as const;
        });
        return sweepContainers(entries, new Map(once), rules);
      },
    ],
    [
      'adds up sweeps that are not in a row',
      (entries, before, rules) => {
        const result = sweepContainers(entries, before, rules);
        const kept = [...result.sightings].map(([id, seen]) => {
          const unknownSweeps = Math.max(seen.unknownSweeps, before.get(id)?.unknownSweeps ?? 0);
          return [id, { ...seen, unknownSweeps }] as const;
        });
        return { ...result, sightings: new Map(kept) };
      },
    ],
    [
      'goes by names instead of labels',
      (entries, before, rules) => {
        const believed = entries.map((one) => {
          const key = one.name.slice('holdfast-'.length);
          return one.name.startsWith('holdfast-') ? { ...one, labels: labels(key) } : one;
        });
        return sweepContainers(believed, before, rules);
      },
    ],
    [
      'goes by labels alone',
      (entries, before, rules) => {
        const renamed = entries.map((one) => ({
          ...one,
          name: one.id.replace('id-', 'holdfast-'),
        }));
        return sweepContainers(renamed, before, rules);
      },
    ],
    [
      'asks no log',
      (entries, before, rules) =>
        sweepContainers(entries, before, { ...rules, isKnown: () => false }),
    ],
  ])('is told apart from what somebody finds who %s', (_, mutant) => {
    expect(check(mutant).failed).toBe(true);
  });
});
