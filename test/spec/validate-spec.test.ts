import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';
import { groupJsonSchema } from '../../tools/gen-schema.ts';
import type { SpecIssue } from '../../src/spec/checked-input.ts';

const task = { name: 'clock', driver: 'raw_exec', config: { command: 'date' } };
const group = (more: object = {}, taskMore: object = {}): unknown => ({
  name: 'hello',
  tasks: [{ ...task, ...taskMore }],
  ...more,
});

/** The lines of the refusal. */
function refusal(input: unknown): string[] {
  try {
    validateGroup(input);
  } catch (error) {
    expect(HoldfastError.is(error, 'SPEC_INVALID')).toBe(true);
    return (error as Error).message.split('\n');
  }
  throw new Error('the group was accepted');
}

describe('a valid group', () => {
  it('gets the defaults that do not depend on its type', () => {
    const checked = validateGroup(group());
    expect(checked).toMatchObject({ version: 1, type: 'service', meta: {}, labels: {} });
    expect(checked.tasks[0]).toMatchObject({
      killSignal: 'SIGTERM',
      killTimeout: '5s',
      logs: { maxFiles: 10, maxFileSizeMb: 10 },
      env: {},
    });
  });

  it('may be written in snake_case', () => {
    const checked = validateGroup(group({}, { kill_timeout: '3m', logs: { max_files: 2 } }));
    expect(checked.tasks[0]).toMatchObject({ killTimeout: '3m', logs: { maxFiles: 2 } });
  });

  it('keeps the keys of free maps as they are', () => {
    const free = { config: { work_dir: '/', deepMap: { a_b: 1 } }, env: { A_B: 'x', aB: 'y' } };
    const checked = validateGroup(group({ meta: { some_key: 'v' } }, free));
    expect(checked.tasks[0]).toMatchObject(free);
    expect(checked.meta).toEqual({ some_key: 'v' });
  });

  it('takes killTimeout: 3m', () => {
    expect(validateGroup(group({}, { killTimeout: '3m' })).tasks[0]?.killTimeout).toBe('3m');
  });
});

describe('a mistake', () => {
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['no group at all', null, 'the group must be a map of keys and values, not nothing'],
    ['a missing name', { tasks: [task] }, 'name is missing'],
    ['no task', { name: 'x', tasks: [] }, 'tasks must have at least one entry'],
    [
      'a bare number as a duration',
      group({}, { killTimeout: 90 }),
      'tasks[0].killTimeout must be a duration with a unit, such as "30s" or "3m", not the number 90',
    ],
    [
      'a duration without a unit, under the key as it was written',
      group({}, { kill_timeout: '90' }),
      'tasks[0].kill_timeout must be a duration with a unit, such as "30s" or "3m", not "90"',
    ],
    [
      'an unknown key',
      group({}, { killTimout: '5s' }),
      'tasks[0].killTimout is not a known key. Did you mean killTimeout?',
    ],
    ['a key that resembles none', group({ zebra: 1 }), 'zebra is not a known key.'],
    [
      'both forms of one key',
      group({}, { killTimeout: '5s', kill_timeout: '5s' }),
      'tasks[0].kill_timeout is the same key as killTimeout: write one of the two',
    ],
    [
      'a number in the environment',
      group({}, { env: { PORT: 80 } }),
      'tasks[0].env.PORT must be text, not the number 80 (put it in quotes)',
    ],
    [
      'an unknown signal',
      group({}, { killSignal: 'SIGTRM' }),
      'tasks[0].killSignal must be the name of a signal, such as SIGTERM, not "SIGTRM". Did you mean SIGTERM?',
    ],
    [
      'an unknown mode',
      group({ restart: { mode: 'dela' } }),
      'restart.mode must be fail, delay or hold, not "dela". Did you mean delay?',
    ],
    [
      'two tasks of one name',
      { name: 'x', tasks: [task, task] },
      'tasks[1].name must differ from the name of tasks[0]: both are "clock"',
    ],
    [
      'attempts 0 with mode delay',
      group({ restart: { attempts: 0, mode: 'delay' } }),
      'restart is ambiguous: attempts 0 says never, mode "delay" says again. Use mode "fail" for never',
    ],
    [
      'an interval under 5 s',
      group({}, { restart: { interval: '1s', delay: '0s' } }),
      'tasks[0].restart has an interval of 1s: at least 5s is needed',
    ],
    [
      'more attempts than fit into the interval',
      group({ restart: { attempts: 1000 } }),
      'restart cannot be kept: 1000 attempts with a delay of 15s take longer than the interval of 30m',
    ],
    [
      'half a character, which no file can hold',
      group({}, { config: { command: 'date', args: ['-u', 'a\uD800b'] } }),
      'tasks[0].config.args[1] must be whole text: it has half of a surrogate pair (\\ud800)',
    ],
    [
      'half a character in a key',
      group({ meta: { '\uDC00': 'x' } }),
      'meta["\\udc00"] must be whole text: it has half of a surrogate pair (\\udc00)',
    ],
  ];
  it.each(cases)('is told in one sentence: %s', (_title, input, sentence) => {
    expect(refusal(input)).toEqual([sentence]);
  });

  it('does not hide the others', () => {
    const lines = refusal({ name: '-', tasks: [{ ...task, driver: 3, colour: 'red' }] });
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toBe('3 problems');
  });

  it('carries its position when the source knows it', () => {
    const locate = (): { line: number; column: number } => ({ line: 9, column: 7 });
    try {
      validateGroup(group({}, { killTimeout: 90 }), { source: { file: 'bad.yaml', locate } });
      expect.unreachable();
    } catch (error) {
      const { message, details } = error as HoldfastError;
      expect(message).toMatch(/^bad\.yaml:9:7 {2}tasks\[0\]\.killTimeout must be a duration/);
      const [issue] = details['issues'] as SpecIssue[];
      expect(issue).toMatchObject({ path: 'tasks[0].killTimeout', line: 9, column: 7 });
    }
  });
});

describe('the published JSON Schema', () => {
  it('is the one of the zod schema', () => {
    const file = new URL('../../schema/group.v1.json', import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(groupJsonSchema());
  });
});
