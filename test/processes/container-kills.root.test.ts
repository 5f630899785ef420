import { chmodSync, closeSync, existsSync, mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gatherEvidence } from '../../src/os/evidence.ts';
import { makeFifo, memoryFile, reap, spawnSession } from '../../src/os/libc.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { ociPrograms } from '../../src/os/oci-programs.ts';
import { isAlive, readProcStat } from '../../src/os/process-identity.ts';
import {
  launchedShim,
  readExit,
  readFate,
  readIdentity,
  writeIntent,
} from '../../src/os/run-directory.ts';
import { containerWords } from '../../src/processes/executor-host/container.ts';
import { SHIM_TEXT } from '../../src/processes/executor-host/shim.ts';
import { executorMethods as service } from '../../src/rpc/executor-methods.ts';
import { call } from '../../src/rpc/framed-client.ts';
import type { LaunchRequest } from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { ContainerRig, noContainersBecause } from './container-rig.ts';
import { kill, until } from './host-rig.ts';
import { INSTANCE } from '../own-instance.ts';

const obstacle = noContainersBecause();
const epoch = machineEpoch();

describe.skipIf(obstacle)(`a container (${obstacle ?? 'here'})`, () => {
  let rig: ContainerRig;
  let host: Host;

  beforeEach(async () => {
    rig = new ContainerRig();
    host = await rig.host('h1');
  });

  afterEach(() => rig.end());

  /** Holds a script up until `go`. */
  const WAIT = 'while [ ! -e /go ]; do sleep 0.02; done;';
  const go = (): void => writeFileSync(join(rig.root, 'go'), '');
  const shimOf = (request: LaunchRequest): number => {
    const fate = readFate(rig.dirOf(request));
    if (fate.is !== 'whole' || fate.value.verdict !== 'launch') throw new Error(fate.is);
    return fate.value.shim.pid;
  };
  const isShimDead = (request: LaunchRequest): boolean => {
    const shim = launchedShim(readFate(rig.dirOf(request)));
    return shim !== undefined && isAlive({ ...shim, machineEpoch: epoch }, epoch) === 'dead';
  };
  const parentOf = (pid: number): number => {
    const stat = readProcStat(pid);
    if (stat === undefined || stat === 'unknown') throw new Error(`${pid} is gone`);
    return stat.parentPid;
  };
  const isWatched = async (by: Host, { launchKey }: LaunchRequest): Promise<boolean> =>
    (await call(by.channel, service.adopt, { agentEpoch: 1, launchKey })).watching;

  it('tells how it ended although its shim was killed', async () => {
    const request = rig.isolated(`${WAIT} exit 5`);
    const { pid } = await rig.started(host, request);
    kill(shimOf(request));
    go();
    expect(await rig.report(host, request.launchKey)).toMatchObject({
      $case: 'exit',
      value: { exitCode: 5, signal: '' },
    });
    expect(readProcStat(pid)).toBeUndefined();
  });

  it('whose conmon was killed lives on, and its end is told as lost', async () => {
    const request = rig.isolated(`${WAIT} exit 5`);
    const { pid } = await rig.started(host, request);
    kill(parentOf(pid));
    expect(readProcStat(pid)).toMatchObject({ pid });
    go();
    expect(await rig.report(host, request.launchKey)).toMatchObject({
      $case: 'lost',
      value: { maybeRan: true, reason: expect.stringContaining('conmon was killed') },
    });
  });

  it('is adopted by the next host with the same pid, and nothing it says is lost', async () => {
    const count = 'i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done';
    const request = rig.isolated(`${WAIT} ${count}; exit 9`);
    const { pid } = await rig.started(host, request);
    kill(host.address.pid);
    const next = await rig.host('h2');
    expect(await isWatched(next, request)).toBe(true);
    expect(readIdentity(rig.dirOf(request))).toMatchObject({ value: { pid } });
    go();
    const text = await rig.output((written) => written.includes('299\n'));
    expect(text.split('\n')).toEqual([...Array.from({ length: 300 }, (_, i) => String(i)), '']);
    expect(await rig.report(next, request.launchKey)).toMatchObject({ value: { exitCode: 9 } });
  });

  /** Starts a shim whose runc kills it at one of its calls, after or instead of doing what was asked. */
  function strike(request: LaunchRequest, at: string, action: string): void {
    const dir = rig.dirOf(request);
    mkdirSync(dir, { recursive: true });
    makeFifo(join(dir, 'life'));
    const identity = { protocol: 1, instanceId: INSTANCE, allocId: 'alloc', task: 'task' } as const;
    const { run, token, mark, specHash } = request;
    writeIntent(dir, { ...identity, run, token, mark, machineEpoch: epoch, specHash });
    const script = join(rig.stateDir, 'shim');
    writeFileSync(script, SHIM_TEXT);
    const { text, args } = containerWords(dir, request);
    const runc = join(rig.stateDir, 'runc');
    const real = ociPrograms().runc ?? '';
    const body = `shim=$(cut -d' ' -f2 ${dir}/fate)\ncase " $* " in *" ${at} "*) ${action};; esac`;
    writeFileSync(runc, `#!/bin/sh\n${body}\nexec ${real} "$@"\n`);
    chmodSync(runc, 0o755);
    const stdin = memoryFile('words');
    writeSync(stdin, text);
    const fifos = [request.stdoutFifo, request.stderrFifo];
    const argv = ['/bin/sh', script, dir, ...fifos, args[0] ?? '', args[1] ?? '', runc];
    const pid = spawnSession({ path: '/bin/sh', argv, environment: ['PATH=/usr/bin:/bin'], stdin });
    closeSync(stdin);
    void until(() => reap(pid));
  }

  it('that was made by a shim which died before it knew of it never starts and is removed', async () => {
    const request = rig.isolated('echo alive; sleep 60');
    strike(request, 'create', 'kill -9 $shim');
    await until(() => existsSync(join(rig.dirOf(request), 'oci/state', request.launchKey)));
    await until(() => isShimDead(request));
    await isWatched(host, request);
    expect(await rig.report(host, request.launchKey)).toMatchObject({
      $case: 'lost',
      value: { maybeRan: false },
    });
    const dir = rig.dirOf(request);
    expect(existsSync(join(dir, 'oci/state', request.launchKey, 'state.json'))).toBe(false);
    expect(readExit(dir).is).toBe('absent');
    expect(readIdentity(dir).is).toBe('absent');
    expect(rig.read(rig.stdout)).toBe('');
  });

  it('whose shim died between its identity and its start is let go by the host that takes it up', async () => {
    const request = rig.isolated('echo let go; exit 4');
    strike(request, 'start', 'kill -9 $shim; exit 0');
    await until(() => isShimDead(request));
    expect(readIdentity(rig.dirOf(request)).is).toBe('whole');
    // Whoever has only the files to go by finds somebody to hear from.
    expect(gatherEvidence({ runDir: rig.dirOf(request), machineEpoch: epoch })).toMatchObject({
      claim: 'alive',
      tree: 'alive',
      exit: 'none',
    });
    expect(await isWatched(host, request)).toBe(true);
    expect(await rig.output((text) => text.includes('\n'))).toBe('let go\n');
    expect(await rig.report(host, request.launchKey)).toMatchObject({ value: { exitCode: 4 } });
  });

  it('is gone without a trace in the kernel when the run was forgotten', async () => {
    const request = rig.isolated('exit 0');
    await rig.started(host, request);
    await rig.report(host, request.launchKey);
    await call(host.channel, service.forget, { agentEpoch: 1, launchKey: request.launchKey });
    const state = join(rig.dirOf(request), 'oci/state', request.launchKey);
    await until(() => !existsSync(state));
  });
});
