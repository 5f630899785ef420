/** Values of any kind arrive unchanged; whatever is written, reading it ends and does not depend on the order. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TaskEnvironment } from '../../src/spec/task-env.ts';
import { tries } from '../properties/tries.ts';
import { taskSpec } from '../machines/stories.ts';
import { asWritten, ODD_VALUE } from './odd-values.ts';

function environmentOf(
  env: Readonly<Record<string, string>>,
  unknown: 'error' | 'keep' = 'error',
): TaskEnvironment {
  return new TaskEnvironment({
    places: { alloc: '/alloc', local: '/local', secrets: '/secrets', tmp: '/tmp' },
    allocId: 'a1',
    allocName: 'shop',
    task: taskSpec({ env, interpolation: { rules: 1, unknown } }),
  });
}

// 100,000 of them in `npm run properties -- --full`.
it('hands over any value unchanged, by itself and through a reference', () => {
  const values = fc.sample(ODD_VALUE, tries(2_000));
  const referred = values.filter((value) => value !== asWritten(value));
  // Enough of them look like references, or nothing is proved.
  expect(referred.length).toBeGreaterThan(values.length / 1_000);
  const size = 500;
  for (let first = 0; first < values.length; first += size) {
    const some = values.slice(first, first + size);
    const env: Record<string, string> = {};
    for (const [at, value] of some.entries()) {
      env[`R${at}`] = `\${V${at}}`;
      env[`V${at}`] = asWritten(value);
    }
    const told = environmentOf(env);
    expect(told.problems).toEqual([]);
    for (const [at, value] of some.entries()) {
      if (told.env[`V${at}`] === value && told.env[`R${at}`] === value) continue;
      expect({ value, direct: told.env[`V${at}`], referred: told.env[`R${at}`] }).toBeUndefined();
    }
  }
}, 300_000);

/** Few names, so that references meet and go round. */
const NAME = fc.constantFrom('A', 'B', 'C', 'D', 'E');
const PIECE = fc.oneof(
  NAME.map((name) => `\${${name}}`),
  NAME.map((name) => `$\${env.${name}}`),
  fc.constantFrom('x', '$', '${', '}', '${nobody}', '${task.name}', '${meta.none}'),
);
const ENV = fc.dictionary(
  NAME,
  fc.array(PIECE, { maxLength: 4 }).map((parts) => parts.join('')),
);

it('reads the same whatever the order in which variables are written', () => {
  fc.assert(
    fc.property(ENV, fc.constantFrom('error' as const, 'keep' as const), (env, unknown) => {
      const forward = environmentOf(env, unknown);
      const backward = environmentOf(Object.fromEntries(Object.entries(env).toReversed()), unknown);
      const hasProblem = forward.problems.length > 0;
      expect(backward.problems.length > 0).toBe(hasProblem);
      if (!hasProblem) expect(backward.env).toEqual(forward.env);
    }),
    tries(1_000),
  );
});

it('finds every circle, and calls nothing one that is none', () => {
  fc.assert(
    fc.property(ENV, (env) => {
      const leadsTo = (name: string): readonly string[] =>
        [...(env[name] ?? '').matchAll(/(\$?)\$\{([A-E])\}/g)]
          .filter(([, escape]) => escape === '')
          .map(([, , to = '']) => to)
          // Its own name means what it overrides.
          .filter((to) => to !== name && Object.hasOwn(env, to));
      const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
        leadsTo(from).some((next) => {
          if (next === to) return true;
          if (seen.has(next)) return false;
          seen.add(next);
          return reaches(next, to, seen);
        });
      const isRound = Object.keys(env).some((name) => reaches(name, name));
      const told = environmentOf(env, 'keep').problems;
      expect(told.some(({ kind }) => kind === 'cycle')).toBe(isRound);
    }),
    tries(1_000),
  );
});
