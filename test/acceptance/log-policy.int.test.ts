/** What a spec says of output, from the spec to the files, with real agents and hosts. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { decodeMarks } from '../../src/output/marks.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { eventsSoFar, Machine, until } from './rig.ts';

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

type TaskInput = GroupSpecInput['tasks'][number];

/** A batch of one task that runs a script, and is over. */
async function ran(
  agent: Orchestrator,
  script: string,
  more: Partial<TaskInput> = {},
  state = 'complete',
): Promise<string> {
  const config = { command: '/bin/sh', args: ['-c', script] };
  const task: TaskInput = { name: 't', driver: 'raw_exec', config, ...more };
  const { allocId } = await agent.run({ name: 'group', type: 'batch', tasks: [task] });
  await until(`it is ${state}`, async () => (await agent.inspect('group')).state === state);
  await until(
    'it is cleaned up',
    async () => (await eventsSoFar(agent, { types: ['CleanupCompleted'] })).length > 0,
  );
  return allocId;
}

const filesOf = (allocId: string): string[] => {
  const dir = join(machine.dataDir, 'state', 'logs', allocId);
  return existsSync(dir) ? readdirSync(dir).toSorted() : [];
};
const pathOf = (allocId: string, name: string): string =>
  join(machine.dataDir, 'state', 'logs', allocId, name);

describe('a task', () => {
  it('whose output is disabled has /dev/null, no FIFO, no file and no collector, and runs as ever', async () => {
    const agent = await machine.startAgent();
    const script = 'a=$(readlink /proc/$$/fd/1 /proc/$$/fd/2); echo "$a" >where; echo lost';
    const logs = { disabled: true };
    const allocId = await ran(agent, script, { logs });
    const where = join(machine.dataDir, 'allocs', allocId, 't', 'where');
    expect(existsSync(where) ? readFileSync(where, 'utf8') : '').toBe('/dev/null\n/dev/null\n');
    expect(filesOf(allocId)).toEqual([]);
    expect(readdirSync(join(machine.dataDir, 'state', 'fifo'))).toEqual([]);
    expect(machine.hostPid('logmon')).toBeUndefined();
    const asked = machine.holdfast('logs', 'group');
    expect(asked.status).not.toBe(0);
    expect(asked.stderr).toContain('logs.disabled');
  });

  it('that is started anew leaves marks that tell its runs apart', async () => {
    const agent = await machine.startAgent();
    const restart = { attempts: 2, interval: '1h', delay: '0s', mode: 'fail' } as const;
    const allocId = await ran(agent, 'echo one line; exit 1', { restart }, 'failed');
    const marks = decodeMarks(readFileSync(pathOf(allocId, 't.stdout.0.marks')));
    expect(marks.map(({ offset, run }) => [offset, run])).toEqual([
      [0, 1],
      [9, 2],
      [18, 3],
    ]);
    expect(readlinkSync(pathOf(allocId, 't.stdout'))).toBe('t.stdout.0');
  });

  it('whose output is compressed has full files as gzip, and all of it', async () => {
    const agent = await machine.startAgent();
    const logs = { compress: true, maxFileSizeMb: 1 };
    const script = 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); printf "%099d\\n" $i; done';
    const allocId = await ran(agent, script, { logs });
    await until(
      'the full ones are compressed',
      () => filesOf(allocId).includes('t.stdout.1.gz') && !filesOf(allocId).includes('t.stdout.1'),
    );
    const names = filesOf(allocId).filter((name) => /^t\.stdout\.\d+(\.gz)?$/.test(name));
    expect(names).toEqual(['t.stdout.0.gz', 't.stdout.1.gz', 't.stdout.2']);
    const text = names
      .map((name) => readFileSync(pathOf(allocId, name)))
      .map((bytes, index) => (index < 2 ? gunzipSync(bytes) : bytes).toString())
      .join('');
    expect(text.split('\n').slice(0, -1).map(Number)).toEqual(
      Array.from({ length: 30_000 }, (_, index) => index + 1),
    );
  });
});

describe('the budget of all output', () => {
  it('is kept by hosts, and what they removed is a fact of the agent, of the next one too', async () => {
    const agent = await machine.startAgent('--log-budget', '2MiB');
    const logs = { maxFileSizeMb: 1 };
    const script = 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); printf "%099d\\n" $i; done';
    const allocId = await ran(agent, script, { logs });
    const left = () => filesOf(allocId).filter((name) => /^t\.stdout\.\d+$/.test(name));
    expect(left().length).toBeLessThanOrEqual(3);
    await machine.killAgent();
    const next = await machine.startAgent('--log-budget', '2MiB');
    const told = async () =>
      (await eventsSoFar(next, { types: ['LogPurged'] })).map(({ data }) => data);
    const numbersOf = (purged: readonly unknown[]) =>
      purged.flatMap((data) => (data as { segments: number[] }).segments);
    // A host removes first and tells then, and its next look may come after the program's end.
    await until(
      'every file is there or told as removed',
      async () => numbersOf(await told()).length + left().length === 6,
    );
    const purged = await told();
    const numbers = numbersOf(purged);
    expect(numbers.length).toBeGreaterThanOrEqual(3);
    expect([...numbers.map((number) => `t.stdout.${number}`), ...left()]).toEqual(
      Array.from({ length: 6 }, (_, index) => `t.stdout.${index}`),
    );
    expect(purged[0]).toMatchObject({ allocId, task: 't', stream: 'stdout' });
  });
});
