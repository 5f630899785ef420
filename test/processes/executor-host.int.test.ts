import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gatherEvidence } from '../../src/os/evidence.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { isAlive } from '../../src/os/process-identity.ts';
import { tryAbort } from '../../src/os/run-directory.ts';
import { call } from '../../src/rpc/call.ts';
import {
  ExecutorServiceService as service,
  StopStep_Target as Target,
} from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { kill, Rig, until } from './host-rig.ts';

let rig: Rig;
let host: Host;
const epoch = machineEpoch();
const KILL_TREE = { signal: 'SIGKILL', target: Target.TREE, waitMs: 10_000 };

beforeAll(async () => {
  rig = new Rig();
  host = await rig.host('h1');
});

afterAll(() => rig.end());

test.each([
  ['exit 137', { exitCode: 137, signal: '' }],
  ['kill -KILL $$', { exitCode: 0, signal: 'SIGKILL' }],
  ['kill -SEGV $$', { exitCode: 0, signal: 'SIGSEGV' }],
  ['exit 127', { exitCode: 127, signal: '', execFailed: false }],
  ['exit 0', { exitCode: 0, signal: '' }],
])('a program that does `%s` is reported so', async (script, expected) => {
  const request = rig.request(script);
  const program = await rig.started(host, request);
  const report = await rig.report(host, request.launchKey);
  expect(report).toMatchObject({ $case: 'exit', value: expected });
  const ended = report?.$case === 'exit' ? report.value.exitedAtMs : 0;
  expect(ended).toBeGreaterThanOrEqual(program.startedAtMs);
});

test('SIGINT and SIGQUIT end a program that does not ask for them', async () => {
  for (const signal of ['SIGINT', 'SIGQUIT']) {
    const request = rig.request('exec sleep 1000');
    await rig.started(host, request);
    const steps = [{ signal, target: Target.LEADER, waitMs: 10_000 }];
    expect(await rig.stop(host, request.launchKey, steps)).toMatchObject({ $case: 'ended' });
    expect(await rig.report(host, request.launchKey)).toMatchObject({ value: { signal } });
  }
});

test('the identity answered is that of the program, which leads a session of its own', async () => {
  const request = rig.request('echo "$$ $(cut -d" " -f6 /proc/$$/stat)"; exec sleep 1000');
  const program = await rig.started(host, request);
  const line = await rig.output((text) => text.includes('\n'));
  expect(line).toBe(`${program.pid} ${program.pid}\n`);
  expect(isAlive(program, epoch)).toBe('alive');
  expect(await rig.stop(host, request.launchKey, [KILL_TREE])).toMatchObject({ $case: 'ended' });
});

test('a second launch of the same key finds the same process, also at the same time', async () => {
  const request = rig.request('echo begun; exec sleep 1000');
  const answers = await Promise.all([1, 2, 3].map(() => rig.started(host, request)));
  answers.push(await rig.started(host, request));
  expect(new Set(answers.map(({ pid }) => pid)).size).toBe(1);
  expect(await rig.output((text) => text.includes('begun'))).toBe('begun\n');
  await rig.stop(host, request.launchKey, [KILL_TREE]);
  expect(rig.read(rig.stdout)).toBe('');
});

test('a command that cannot be executed is proved never to have run', async () => {
  const script = join(rig.stateDir, 'script');
  writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 });
  const cases = [
    ['/no/such/program', 'COMMAND_NOT_FOUND'],
    ['/etc/passwd', 'COMMAND_NOT_EXECUTABLE'],
    ['/etc', 'COMMAND_NOT_EXECUTABLE'],
    [script, 'COMMAND_NOT_FOUND'],
  ] as const;
  for (const [command, code] of cases) {
    const request = rig.request('', { command });
    const outcome = await rig.launch(host, request);
    expect(outcome).toMatchObject({ $case: 'failed', value: { code } });
    const evidence = gatherEvidence({ runDir: rig.dirOf(request), machineEpoch: epoch });
    expect(evidence.fate).toBe('abort');
    expect(await rig.launch(host, request)).toMatchObject({ $case: 'aborted' });
  }
});

test('a word too long for the kernel is proved never to have run, too many of them fail the exec', async () => {
  const long = rig.request('', { command: '/bin/echo', args: ['x'.repeat(131_072)] });
  const outcome = await rig.launch(host, long);
  expect(outcome).toMatchObject({ $case: 'failed', value: { code: 'START_FAILED' } });
  const many = rig.request('', { command: '/bin/echo', args: Array(40).fill('x'.repeat(100_000)) });
  await rig.started(host, many);
  const report = await rig.report(host, many.launchKey);
  expect(report).toMatchObject({ value: { exitCode: 126, execFailed: true } });
});

test('a stop signal that shells ignore is not lost when it comes right after the start', async () => {
  for (let round = 0; round < 20; round += 1) {
    const request = rig.request('exec sleep 1000');
    await rig.started(host, request);
    const steps = [{ signal: 'SIGINT', target: Target.LEADER, waitMs: 10_000 }];
    expect(await rig.stop(host, request.launchKey, steps)).toMatchObject({ $case: 'ended' });
  }
});

test('a missing output FIFO fails the launch, and no plain file takes its place', async () => {
  const stdoutFifo = join(rig.stateDir, 'missing');
  const outcome = await rig.launch(host, rig.request('exit 0', { stdoutFifo }));
  expect(outcome).toMatchObject({ $case: 'failed', value: { code: 'START_RETRYABLE' } });
  expect(existsSync(stdoutFifo)).toBe(false);
});

test('a run aborted before its launch is never started', async () => {
  const request = rig.request('echo no');
  expect(await rig.stop(host, request.launchKey, [KILL_TREE])).toMatchObject({ $case: 'aborted' });
  expect(await rig.launch(host, request)).toMatchObject({ $case: 'aborted' });
  expect(tryAbort(rig.dirOf(request), 'agent')).toBe(true);
  expect(readdirSync(rig.dirOf(request))).not.toContain('identity');
});

test('stopping the tree reaches a member that left session, group and parent', async () => {
  const request = rig.request(
    'setsid sleep 1001 & (setsid sh -c "sleep 1002 & sleep 1003" &) ; trap "" TERM; echo up; ' +
      'sleep 1004; sleep 1005',
  );
  await rig.started(host, request);
  await rig.output((text) => text.includes('up'));
  const polite = { signal: 'SIGTERM', target: Target.LEADER, waitMs: 20 };
  expect(await rig.stop(host, request.launchKey, [polite, KILL_TREE])).toMatchObject({
    $case: 'ended',
  });
  expect(processesWith(request.mark)).toEqual([]);
});

test('leftovers of a program that exited are found and stopped', async () => {
  const request = rig.request('setsid sleep 1006 & exit 3');
  await rig.started(host, request);
  expect(await rig.report(host, request.launchKey)).toMatchObject({ value: { exitCode: 3 } });
  await until(() => processesWith(request.mark).length === 1);
  const evidence = gatherEvidence({ runDir: rig.dirOf(request), machineEpoch: epoch });
  expect(evidence).toMatchObject({ tree: 'alive', exit: 'valid', claim: 'dead' });
  expect(await rig.stop(host, request.launchKey, [KILL_TREE])).toMatchObject({ $case: 'ended' });
  expect(processesWith(request.mark)).toEqual([]);
});

test('a plan whose steps are all ignored answers who survived', async () => {
  const request = rig.request('trap "" TERM; echo up; while :; do sleep 1007; done');
  const program = await rig.started(host, request);
  await rig.output((text) => text.includes('up'));
  const steps = [{ signal: 'SIGTERM', target: Target.LEADER, waitMs: 50 }];
  const outcome = await rig.stop(host, request.launchKey, steps);
  expect(outcome?.$case === 'stuck' && outcome.value.pids).toContain(program.pid);
  await rig.stop(host, request.launchKey, [KILL_TREE]);
});

test('a group step reaches the group and leaves other sessions alone', async () => {
  const request = rig.request('setsid sleep 1008 & sleep 1009 & echo up; wait');
  await rig.started(host, request);
  await rig.output((text) => text.includes('up'));
  await until(() => processesWith(request.mark).length === 3);
  const steps = [{ signal: 'SIGTERM', target: Target.GROUP, waitMs: 10_000 }];
  const outcome = await rig.stop(host, request.launchKey, steps);
  expect(outcome?.$case === 'stuck' && outcome.value.pids).toHaveLength(1);
  await rig.stop(host, request.launchKey, [KILL_TREE]);
});

test('signals arrive at a living program and at nobody after its end', async () => {
  const request = rig.request(
    'trap "echo usr1; exit 0" USR1; echo up; while :; do sleep 0.01; done',
  );
  await rig.started(host, request);
  await rig.output((text) => text.includes('up'));
  const wanted = { agentEpoch: 1, launchKey: request.launchKey, signal: 'SIGUSR1' };
  expect(await call(host.channel, service.signal, wanted)).toEqual({ delivered: true });
  await rig.report(host, request.launchKey);
  expect(await call(host.channel, service.signal, wanted)).toEqual({ delivered: false });
});

test('a host that is killed takes no program along, and another one reports the true end', async () => {
  const first = await rig.host('doomed');
  const exits = rig.request('while [ ! -e go ]; do sleep 0.01; done; exit 7', {
    cwd: rig.stateDir,
  });
  const dies = rig.request('exec sleep 1010');
  const program = await rig.started(first, exits);
  const sleeper = await rig.started(first, dies);
  kill(first.address.pid);
  await until(() => !existsSync(`/proc/${first.address.pid}`) || isGone(first));
  expect([isAlive(program, epoch), isAlive(sleeper, epoch)]).toEqual(['alive', 'alive']);
  for (const { launchKey } of [exits, dies]) {
    const adopted = await call(host.channel, service.adopt, { agentEpoch: 1, launchKey });
    expect(adopted).toEqual({ watching: true });
  }
  expect(await rig.started(host, exits)).toEqual(program);
  writeFileSync(join(rig.stateDir, 'go'), '');
  expect(await rig.report(host, exits.launchKey)).toMatchObject({
    $case: 'exit',
    value: { exitCode: 7, exitedAtMs: Math.round(exitFileOf(exits).mtimeMs) },
  });
  expect(await rig.stop(host, dies.launchKey, [KILL_TREE])).toMatchObject({ $case: 'ended' });
  expect(await rig.report(host, dies.launchKey)).toMatchObject({ value: { signal: 'SIGKILL' } });
});

test('only a shim killed by force loses the status, and the program is watched to its end', async () => {
  const request = rig.request('exec sleep 1011');
  const program = await rig.started(host, request);
  const runDir = rig.dirOf(request);
  const before = gatherEvidence({ runDir, machineEpoch: epoch });
  expect(before).toMatchObject({ claim: 'alive', fate: 'launch', tree: 'alive', exit: 'none' });
  process.kill(before.shim?.pid ?? 0, 'SIGKILL');
  await until(() => gatherEvidence({ runDir, machineEpoch: epoch }).claim === 'dead');
  expect(isAlive(program, epoch)).toBe('alive');
  process.kill(program.pid, 'SIGKILL');
  expect(await rig.report(host, request.launchKey)).toMatchObject({
    $case: 'lost',
    value: { maybeRan: true },
  });
  expect(gatherEvidence({ runDir, machineEpoch: epoch }).tree).toBe('dead');
});

test('an agent that was replaced is refused, and a stranger from the start', async () => {
  const newer = await rig.host('fenced', 5);
  const request = { agentEpoch: 4, launchKey: 'a'.repeat(20) };
  await expect(call(newer.channel, service.adopt, request)).rejects.toMatchObject({
    code: 'EPOCH_STALE',
  });
  const stranger = { agentEpoch: 9, instanceId: 'i2' };
  await expect(call(newer.channel, service.hello, stranger)).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
  });
});

test('a host ends when asked while it watches nothing, and stays while it watches something', async () => {
  const idle = await rig.host('idle');
  const request = rig.request('exec sleep 1012');
  await rig.started(idle, request);
  expect(await call(idle.channel, service.shutdown, { agentEpoch: 1 })).toEqual({ runs: 1 });
  await rig.stop(idle, request.launchKey, [KILL_TREE]);
  expect(await call(idle.channel, service.shutdown, { agentEpoch: 1 })).toEqual({ runs: 0 });
  await until(() => isGone(idle));
  expect(existsSync(join(rig.stateDir, 'hosts/idle/address.json'))).toBe(false);
});

test('a run that goes on cannot be forgotten, one that ended can', async () => {
  const request = rig.request('exec sleep 1013');
  await rig.started(host, request);
  const forget = { agentEpoch: 1, launchKey: request.launchKey };
  await expect(call(host.channel, service.forget, forget)).rejects.toMatchObject({
    code: 'WRONG_STATE',
  });
  await rig.stop(host, request.launchKey, [KILL_TREE]);
  await call(host.channel, service.forget, forget);
  expect(await call(host.channel, service.adopt, forget)).toEqual({ watching: false });
});

function isGone(gone: Host): boolean {
  return isAlive(gone.address, epoch) === 'dead';
}

function exitFileOf(request: { launchKey: string }): { mtimeMs: number } {
  return statSync(join(rig.dirOf(request), 'exit'));
}

function processesWith(mark: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && environmentOf(pid).includes(`HOLDFAST_MARK=${mark}`));
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}
