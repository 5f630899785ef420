import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gatherEvidence } from '../../src/os/evidence.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { isAlive } from '../../src/os/process-identity.ts';
import { executorMethods as service } from '../../src/rpc/executor-methods.ts';
import { call } from '../../src/rpc/framed-client.ts';
import { StopStep_Target as Target } from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
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

test('what only a shell would run is proved never to have run, with the reason', async () => {
  const proof = join(rig.stateDir, 'proof');
  const elf = readFileSync(process.execPath).subarray(0, 4096);
  const foreign = Buffer.from(elf);
  foreign.writeUInt16LE(2, 18);
  const cases = [
    ['text', `: >${proof}\n`, 'COMMAND_NOT_EXECUTABLE', 'begin it with #!/bin/sh'],
    ['empty', '', 'COMMAND_NOT_EXECUTABLE', 'is empty: exec format error'],
    ['cut', elf.subarray(0, 40), 'COMMAND_NOT_EXECUTABLE', 'is a damaged program'],
    ['foreign', foreign, 'COMMAND_NOT_EXECUTABLE', 'is a program for another machine (2)'],
    ['windows', `#!/bin/sh\r\n: >${proof}\n`, 'COMMAND_NOT_FOUND', '"/bin/sh\\r", the interpreter'],
    ['windows2', '#!/bin/sh\r\n', 'COMMAND_NOT_FOUND', 'the script has Windows line ends'],
    [
      'through',
      `#!${join(rig.stateDir, 'text')}\n`,
      'COMMAND_NOT_EXECUTABLE',
      'the interpreter of',
    ],
  ] as const;
  for (const [name, bytes, code, said] of cases) {
    const command = join(rig.stateDir, name);
    writeFileSync(command, bytes, { mode: 0o755 });
    const request = rig.request('', { command });
    const outcome = await rig.launch(host, request);
    const message = expect.stringContaining(said);
    expect(outcome).toMatchObject({ $case: 'failed', value: { code, message } });
    expect(await rig.launch(host, request)).toMatchObject({ $case: 'aborted' });
  }
  expect(existsSync(proof)).toBe(false);
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

test('a missing output FIFO fails the launch, and no plain file takes its place', async () => {
  const stdoutFifo = join(rig.stateDir, 'missing');
  const outcome = await rig.launch(host, rig.request('exit 0', { stdoutFifo }));
  expect(outcome).toMatchObject({ $case: 'failed', value: { code: 'START_RETRYABLE' } });
  expect(existsSync(stdoutFifo)).toBe(false);
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
