import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StopStep_Target as Target } from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { Rig, until } from './host-rig.ts';
import { processesOf, SessionRig } from './session-rig.ts';

let rig: Rig;
let host: Host;
let beside: SessionRig;
const TERMINAL = { terminal: { columns: 80, rows: 24 } };
const EXITED_0 = { exitCode: 0, signal: '', reason: 'exited' };

beforeAll(async () => {
  rig = new Rig();
  host = await rig.host('h1');
  const request = rig.request('exec sleep 1000');
  await rig.started(host, request);
  beside = new SessionRig(host, request);
});

afterAll(() => {
  beside.end();
  rig.end();
});

describe('a command without a terminal', () => {
  test('has its output told apart and ends with its own code', async () => {
    const session = await beside.shell('echo out; echo err >&2; exit 7');
    const { stdout, stderr, end } = await beside.hear(session);
    expect([stdout.toString(), stderr.toString()]).toEqual(['out\n', 'err\n']);
    expect(end).toEqual({ exitCode: 7, signal: '', reason: 'exited' });
  });

  test('has exactly the environment that was asked for, and the marks', async () => {
    const env = { PATH: '/usr/bin:/bin', 'a.b': "it's $HOME" };
    const session = await beside.open(['env'], { env });
    const { stdout } = await beside.hear(session);
    const names = stdout.toString().trim().split('\n');
    expect(names.filter((line) => !line.startsWith('HOLDFAST_')).sort()).toEqual([
      'PATH=/usr/bin:/bin',
      "a.b=it's $HOME",
    ]);
    expect(names.some((line) => line === `HOLDFAST_SESSION=${session}`)).toBe(true);
  });

  test('that was killed says by which signal, and 137 of its own is no signal', async () => {
    const killed = await beside.shell('kill -KILL $$');
    expect((await beside.hear(killed)).end).toMatchObject({ signal: 'SIGKILL' });
    const exited = await beside.shell('exit 137');
    expect((await beside.hear(exited)).end).toMatchObject({ exitCode: 137, signal: '' });
  });

  test.each([
    [['no-such-command'], 'COMMAND_NOT_FOUND'],
    [['/etc/passwd'], 'COMMAND_NOT_EXECUTABLE'],
    [['./nothing'], 'COMMAND_NOT_FOUND'],
  ])('%j is refused before anything is opened', async (argv, code) => {
    await expect(beside.open(argv)).rejects.toMatchObject({ code });
  });

  test('reads what is written, also twice, and the end of it', async () => {
    const session = await beside.open(['cat']);
    expect(await beside.write(session, 0, 'hello ')).toBe(6);
    expect(await beside.write(session, 0, 'hello ')).toBe(6);
    expect(await beside.write(session, 3, 'lo there', true)).toBe(11);
    const { stdout, end } = await beside.hear(session);
    expect(stdout.toString()).toBe('hello there');
    expect(end).toEqual(EXITED_0);
  });

  test('goes on writing after its input was closed', async () => {
    const session = await beside.shell('cat >/dev/null; echo after');
    await beside.write(session, 0, 'x', true);
    expect((await beside.hear(session)).stdout.toString()).toBe('after\n');
  });

  test('takes a megabyte of input and gives it back', async () => {
    const session = await beside.open(['cat']);
    const piece = 'abcdefgh'.repeat(8192);
    const heard = beside.hear(session);
    for (let at = 0; at < 16; at += 1) await beside.write(session, at * piece.length, piece);
    await beside.write(session, 16 * piece.length, '', true);
    expect((await heard).stdout.toString()).toBe(piece.repeat(16));
  });

  test('that leaves something behind ends with its own end, and what it wrote is there', async () => {
    const session = await beside.shell('sleep 1000 & echo done');
    const { stdout, end } = await beside.hear(session);
    expect([stdout.toString(), end]).toEqual(['done\n', EXITED_0]);
  });

  test('waits while nobody takes its output, and nothing is lost', async () => {
    const session = await beside.shell('head -c 2000000 /dev/zero | tr "\\0" x; echo done >&2');
    const enough = ({ stdout }: { stdout: Buffer }): boolean => stdout.length >= 256 * 1024;
    const first = await beside.hear(session, { takes: false, enough });
    // What the host holds, what a pipe holds, and one read more at most.
    expect(first.stdout.length).toBeLessThan(256 * 1024 + 64 * 1024 + 1);
    const { stdout, stderr, end } = await beside.hear(session);
    expect(stdout.length).toBe(2_000_000);
    expect([stderr.toString(), end]).toEqual(['done\n', EXITED_0]);
  });

  test('is read again from where a reader wants, and not from before what was taken', async () => {
    const session = await beside.shell('printf 0123456789');
    await beside.wait(session);
    const whole = await beside.hear(session, { takes: false });
    const rest = await beside.hear(session, { after: 4, takes: false });
    expect([whole.stdout.toString(), rest.stdout.toString()]).toEqual(['0123456789', '456789']);
    await beside.take(session, 8);
    expect((await beside.hear(session, { takes: false })).stdout.toString()).toBe('89');
    await expect(beside.hear(session, { after: 2 })).rejects.toMatchObject({
      code: 'POSITION_COMPACTED',
    });
  });

  test('is signalled with its whole group', async () => {
    const script = "trap 'echo got; exit 3' INT; echo ready; sleep 1000 & wait";
    const session = await beside.shell(script);
    await beside.hear(session, { enough: ({ stdout }) => stdout.includes('ready') });
    expect(await beside.signal(session, 'SIGINT')).toBe(true);
    const { stdout, end } = await beside.hear(session);
    expect([stdout.toString(), end?.exitCode]).toEqual(['got\n', 3]);
    expect(await beside.signal(session, 'SIGINT')).toBe(false);
  });

  test('one id runs one command', async () => {
    const session = await beside.shell('echo once');
    await beside.shell('echo twice', { session });
    expect((await beside.hear(session)).stdout.toString()).toBe('once\n');
  });
});

describe('a command with a terminal', () => {
  test('sees one of the size that was asked for, and every new size', async () => {
    const script =
      'trap "stty size" WINCH; stty size; tty >/dev/null && echo tty; while :; do sleep 0.05; done';
    const session = await beside.shell(script, { terminal: { columns: 101, rows: 33 } });
    await beside.hear(session, { enough: ({ stdout }) => stdout.includes('tty') });
    await beside.resize(session, 60, 20);
    const { stdout } = await beside.hear(session, {
      enough: (heard) => heard.stdout.includes('20 60'),
    });
    expect(stdout.toString()).toContain('20 60');
    await beside.close(session);
  });

  test('is interrupted by ^C and ended by ^D, as at any terminal', async () => {
    const session = await beside.shell('trap "echo stopped" INT; cat; cat; echo over', TERMINAL);
    await until(() => processesOf(session).length > 1);
    await beside.write(session, 0, '\x03');
    await beside.hear(session, { enough: ({ stdout }) => stdout.includes('stopped') });
    await beside.write(session, 1, '', true);
    const { stdout, end } = await beside.hear(session);
    expect(stdout.toString()).toContain('over');
    expect(end).toEqual(EXITED_0);
  });

  test('gives all of its output when it ends at once', async () => {
    const script = 'seq -w 1 40000';
    const session = await beside.shell(script, TERMINAL);
    const { stdout, end } = await beside.hear(session);
    expect(stdout.toString().split('\r\n').length).toBe(40_001);
    expect(end).toEqual(EXITED_0);
  });
});

describe('the end of a session', () => {
  test('that is closed hurts everything it started, also what left its session', async () => {
    const script = "setsid sleep 1000 & (trap '' HUP TERM; sleep 1000) & trap '' HUP; sleep 1000";
    const session = await beside.shell(script);
    await until(() => processesOf(session).length >= 4);
    await beside.close(session, 'closed by a test');
    expect(processesOf(session)).toEqual([]);
    expect(await beside.wait(session)).toMatchObject({
      signal: 'SIGKILL',
      reason: 'closed by a test',
    });
  });

  test('is kept until the agent has recorded it, and then as long as a reader wants more', async () => {
    const session = await beside.shell('echo bye');
    await beside.wait(session);
    await beside.forget(session);
    expect((await beside.hear(session)).stdout.toString()).toBe('bye\n');
    await expect(beside.wait(session)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('is told to whoever has all of its output, also when it is forgotten', async () => {
    const session = await beside.shell('echo bye; exit 3');
    await beside.wait(session);
    await beside.forget(session);
    await beside.hear(session);
    const { stdout, end } = await beside.hear(session, { after: 4 });
    expect([stdout.toString(), end?.exitCode]).toEqual(['', 3]);
    await expect(beside.hear(session, { after: 1 })).rejects.toMatchObject({
      code: 'POSITION_COMPACTED',
    });
  });

  test('comes with the stop of its run', async () => {
    const request = rig.request('exec sleep 1000');
    await rig.started(host, request);
    const others = new SessionRig(host, request);
    const session = await others.shell('setsid sleep 1000 & wait');
    await until(() => processesOf(session).length === 2);
    const steps = [{ signal: 'SIGKILL', target: Target.TREE, waitMs: 10_000 }];
    expect(await rig.stop(host, request.launchKey, steps)).toMatchObject({ $case: 'ended' });
    expect(await others.wait(session)).toMatchObject({ signal: 'SIGKILL' });
    await expect(others.shell('true')).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
  });

  test('of a host that was killed is that of what its commands left, too', async () => {
    const first = await rig.host('h2');
    const request = rig.request('exec sleep 1000');
    await rig.started(first, request);
    const lost = new SessionRig(first, request);
    const session = await lost.shell('sleep 1000');
    await until(() => processesOf(session).length > 0);
    process.kill(first.address.pid, 'SIGKILL');
    const other = new SessionRig(await rig.host('h3'), request);
    await expect(other.wait(session)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await other.close(session);
    expect(processesOf(session)).toEqual([]);
  });
});

test('many short commands lose no byte and no code, and leave no descriptor', async () => {
  const fds = (): number => readdirSync(`/proc/${host.address.pid}/fd`).length;
  const before = fds();
  for (const changes of [{}, TERMINAL]) {
    for (let index = 0; index < 40; index += 1) {
      const script = `printf %020000d 7; exit ${index}`;
      const session = await beside.shell(script, changes);
      const { stdout, end } = await beside.hear(session);
      expect([stdout.length, end?.exitCode]).toEqual([20_000, index]);
      await beside.forget(session);
    }
  }
  expect(fds()).toBeLessThanOrEqual(before + 2);
});

describe('a slot', () => {
  const slot = 'checks: alive';
  test('has one command at a time: whoever comes ends the one before', async () => {
    const first = await beside.shell('exec sleep 1000', { slot });
    const elsewhere = await beside.shell('exec sleep 1000', { slot: 'checks: other' });
    const second = await beside.shell('echo here; exec sleep 1000', { slot });
    expect(processesOf(first)).toEqual([]);
    const reason = 'another took its place';
    expect(await beside.wait(first)).toEqual({ exitCode: undefined, signal: 'SIGHUP', reason });
    expect(processesOf(elsewhere)).toHaveLength(1);
    // Asked for again, as when an answer was lost, it is the same.
    await beside.shell('echo here; exec sleep 1000', { slot, session: second });
    expect(processesOf(second)).toHaveLength(1);
    await beside.close(second);
    await beside.close(elsewhere);
  });

  test('is free when its command has ended', async () => {
    const first = await beside.shell('exit 0', { slot });
    expect(await beside.wait(first)).toMatchObject({ exitCode: 0, reason: 'exited' });
    const second = await beside.shell('exit 1', { slot });
    expect(await beside.wait(second)).toMatchObject({ exitCode: 1, reason: 'exited' });
    expect(await beside.wait(first)).toMatchObject({ exitCode: 0, reason: 'exited' });
  });
});
