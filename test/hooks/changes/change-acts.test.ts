/** What a program is told of changes: once for all that come together, and again when it could not be told. */
import { expect, it, vi } from 'vitest';
import { type Change, ChangeActs } from '../../../src/hooks/changes/change-acts.ts';
import type { ChangeRule } from '../../../src/spec/change-spec.ts';

const TASK = { allocId: 'a', task: { name: 't' } } as never;

function setUp(exec: () => { exitCode: number | null; signal?: string } = () => ({ exitCode: 0 })) {
  const did: string[] = [];
  const leaving = new AbortController();
  const doors = {
    signal: leaving.signal,
    message: (text: string) => void did.push(text),
    readPublic(_where: string, text: string): string {
      if (text === '${SECRET}') throw new Error('a secret');
      return text.toUpperCase();
    },
    restart: async (reason: string, { isCounted = false } = {}) =>
      void did.push(`restart: ${reason}${isCounted ? ', counted' : ''}`),
    sendSignal: async (name: string, reason: string) => void did.push(`${name}: ${reason}`),
    exec: async (argv: readonly string[]) => {
      did.push(argv.join(' '));
      return { signal: null, output: 'secret', ...exec() };
    },
  };
  return { acts: new ChangeActs(), did, doors, leaving };
}

const change = (rule: Record<string, unknown>, of = 'x'): Change => ({
  rule: { splayMs: 0, ...rule } as unknown as ChangeRule,
  reasons: { restart: `${of} restarts`, signal: `${of} changed` },
});
const hup = change({ mode: 'signal', signal: 'SIGHUP' });
const script = (failOnError = false): Change =>
  change({ mode: 'script', script: { command: 'c', args: ['1'], timeoutMs: 9, failOnError } });
const untilTold = (told: readonly number[], count = 1) =>
  vi.waitFor(() => expect(told).toHaveLength(count), 9_000);

it('is each signal and each script once, and nothing but a restart where there is one', async () => {
  const { acts, did, doors } = setUp();
  const told: number[] = [];
  const tell = async (): Promise<void> => void told.push(did.length);
  const usr = change({ mode: 'signal', signal: 'SIGUSR1' });
  acts.act(TASK, doors, [hup, script(), usr, script(), hup], tell);
  await untilTold(told);
  const rest = ['C 1', 'change script c ended with exit code 0'];
  expect(did).toEqual(['SIGHUP: x changed', 'SIGUSR1: x changed', ...rest]);
  acts.act(TASK, doors, [hup, change({ mode: 'restart' }, 'y'), script()], tell);
  await untilTold(told, 2);
  expect(did.slice(4)).toEqual(['restart: y restarts']);
  acts.act(TASK, doors, [change({ mode: 'noop' })], tell);
  expect(did).toHaveLength(5);
});

it('is one act with what comes before it is due, and none for another program', async () => {
  const { acts, did, doors, leaving } = setUp();
  const told: number[] = [];
  const tell = async (): Promise<void> => void told.push(1);
  const later = change({ mode: 'signal', signal: 'SIGHUP', splayMs: 600 });
  acts.act(TASK, doors, [later], tell);
  acts.act(TASK, doors, [hup], tell);
  await untilTold(told, 2);
  expect(did).toEqual(['SIGHUP: x changed']);
  acts.act(TASK, doors, [change({ mode: 'restart', splayMs: 1_000_000_000 })], tell);
  leaving.abort();
  const next = setUp();
  await vi.waitFor(() => {
    acts.act(TASK, next.doors, [hup], tell);
    expect(next.did).not.toEqual([]);
  }, 9_000);
  expect(did).toHaveLength(1);
});

it('is tried again until it is done, with what came meanwhile, and told once', async () => {
  const { acts, did, doors } = setUp();
  const told: number[] = [];
  let tries = 0;
  const failing = {
    ...doors,
    async sendSignal(name: string, reason: string): Promise<void> {
      tries += 1;
      if (tries === 1) acts.act(TASK, doors, [script()], async () => void told.push(2));
      if (tries < 3) throw new Error('the disk is full');
      await doors.sendSignal(name, reason);
    },
  };
  acts.act(TASK, failing, [hup], async () => void told.push(1));
  await untilTold(told, 2);
  expect(did).toEqual([
    'a change is not acted on yet: the disk is full',
    'SIGHUP: x changed',
    'C 1',
    'change script c ended with exit code 0',
  ]);
  expect(told).toEqual([1, 2]);
});

it.each([
  [{ exitCode: 3 }, 'ended with exit code 3'],
  [{ exitCode: null, signal: 'SIGKILL' }, 'was ended by SIGKILL'],
])('says how a script failed, and nothing that it wrote: %j', async (end, text) => {
  for (const failOnError of [false, true]) {
    const { acts, did, doors } = setUp(() => end);
    const told: number[] = [];
    acts.act(TASK, doors, [script(failOnError)], async () => void told.push(1));
    await untilTold(told);
    const how = failOnError ? `restart: change script c ${text}, counted` : undefined;
    expect(did[1]).toBe(how ?? `change script c ${text}: the program goes on as it was`);
    expect(did.join()).not.toContain('secret');
  }
});

it('begins no script in whose words a secret would be', async () => {
  const { acts, did, doors } = setUp();
  const told: number[] = [];
  const shown = { command: 'c', args: ['${SECRET}'], timeoutMs: 9, failOnError: false };
  acts.act(TASK, doors, [change({ mode: 'script', script: shown })], async () => void told.push(1));
  await untilTold(told);
  expect(did).toEqual(['change script c failed: a secret: the program goes on as it was']);
});
