/**
 * Building the environment of a program: 50 variables of the task's own beside what every program is told, first without
 * references, then with one in every second. It is on the way of every start. The baseline only copies them.
 */
import { TaskEnvironment } from '../src/spec/task-env.ts';
import type { EnvFacts } from '../src/spec/env-facts.ts';
import { printFigures } from './figures.ts';

const ROUNDS = 40;
const BUILDS = 500;

function factsOf(isRead: boolean): EnvFacts {
  const text = (at: number): string =>
    isRead && at % 2 === 1 ? `\${V${at - 1}}:\${NOMAD_TASK_DIR}` : `value ${at}`;
  const env = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`V${at}`, text(at)]));
  const task = { name: 'web', env, meta: { tier: 'gold' } };
  return {
    places: { alloc: '/a/alloc', local: '/a/web/local', secrets: '/a/web/secrets', tmp: '/a/tmp' },
    allocId: '2c3d4e5f-0000-4000-8000-000000000000',
    allocName: 'shop',
    task: isRead ? { ...task, interpolation: { rules: 1, unknown: 'error' } } : task,
  };
}

/** Microseconds for one in the fastest round: neighbours make others slower, nothing makes one too fast. */
function microseconds(work: () => object): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    for (let at = 0; at < BUILDS; at += 1) work();
    return ((performance.now() - began) * 1_000) / BUILDS;
  });
  return Math.min(...rounds);
}

const plain = factsOf(false);
const read = factsOf(true);
const copied = microseconds(() => Object.assign({ PATH: '/bin' }, plain.task.env));
const baseline = { name: 'only copied', value: copied };
printFigures([
  {
    name: 'environment, 50 variables',
    value: microseconds(() => new TaskEnvironment(plain).env),
    unit: 'µs',
    target: '< 50 µs',
    baseline,
  },
  {
    name: 'the same with 50 references',
    value: microseconds(() => new TaskEnvironment(read).env),
    unit: 'µs',
    target: '< 50 µs',
    baseline,
  },
]);
