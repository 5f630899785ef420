/** Files that nobody wrote for us: they are read, or refused with a word, and nothing of them is lost silently. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImportFault } from '../../src/import/imported.ts';
import { readJsLiteral } from '../../src/import/js-literal.ts';
import { importNomad } from '../../src/import/nomad.ts';
import { importPm2 } from '../../src/import/pm2.ts';
import { importProcfile } from '../../src/import/procfile.ts';
import { tries } from '../properties/tries.ts';

const PLACE = { name: 'x', workDir: '/x' };

/** Undefined for what was refused in words of ours. Anything else that is thrown is a bug. */
function read<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof ImportFault) return undefined;
    throw error;
  }
}

const json = fc.jsonValue({ maxDepth: 2 });
const fields = (...names: readonly string[]) =>
  fc.dictionary(fc.constantFrom(...names), json, { maxKeys: 8 });

describe('a file of another system', () => {
  it('of Nomad is read or refused, whatever stands where', () => {
    const task = fields('Name', 'Driver', 'Config', 'Env', 'KillTimeout', 'LogConfig', 'Artifacts');
    const group = fc.tuple(fields('Name', 'Meta', 'RestartPolicy', 'Count'), fc.array(task));
    const job = fc.tuple(fields('ID', 'Type', 'Meta', 'Region'), fc.array(group, { maxLength: 1 }));
    fc.assert(
      fc.property(job, json, ([top, groups], other) => {
        const TaskGroups = groups.map(([more, Tasks]) => ({ ...more, Tasks }));
        read(() => importNomad({ Job: { ...top, TaskGroups } }));
        read(() => importNomad(other));
      }),
      tries(100),
    );
  });

  it('of Nomad loses nothing silently: each key that is not known is named', () => {
    const known = { ID: 'j', TaskGroups: [{ Name: 'g', Tasks: [{ Name: 't', Driver: 'exec' }] }] };
    const key = fc.stringMatching(/^X[A-Za-z]{1,8}$/);
    fc.assert(
      fc.property(key, fc.constantFrom('job', 'group', 'task'), ([...letters], where) => {
        const strange = letters.join('');
        const job = structuredClone(known) as Record<string, unknown>;
        const group = (job['TaskGroups'] as Record<string, unknown>[])[0] ?? {};
        const task = (group['Tasks'] as Record<string, unknown>[])[0] ?? {};
        ({ job, group, task })[where][strange] = 'set';
        const { notes } = importNomad(job);
        const path = { job: '', group: 'g.', task: 'g.t.' }[where];
        expect(notes).toContain(`${path}${strange} is left out: there is nothing like it here`);
      }),
      tries(100),
    );
  });

  it('of PM2 or of foreman is read or refused, whatever stands where', () => {
    const app = fields('name', 'script', 'args', 'env', 'instances', 'uid', 'max_memory_restart');
    fc.assert(
      fc.property(fc.array(app, { maxLength: 3 }), json, fc.string(), (apps, other, text) => {
        read(() => importPm2({ apps }, PLACE));
        read(() => importPm2(other, PLACE));
        read(() => importProcfile(text, 'x', '/x'));
      }),
      tries(100),
    );
  });
});

describe('JavaScript that is data', () => {
  it('is what JSON says of the same text', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        expect(readJsLiteral(`module.exports = ${text};`)).toEqual(JSON.parse(text));
      }),
      tries(100),
    );
  });

  it('is read or refused, whatever it is', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      'a',
      '"',
      "'",
      '`',
      '${',
      '\\',
      '/*',
      '1',
      '.',
      '(',
      '\n',
    );
    const text = fc.array(piece, { maxLength: 20 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.string(), (pieces, any) => {
        read(() => readJsLiteral(`module.exports = ${pieces}`));
        read(() => readJsLiteral(any));
      }),
      tries(2_000),
    );
  });
});
