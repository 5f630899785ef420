import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cgroupAnswers } from '../../src/os/cgroup-answers.ts';
import { machineCgroups } from '../../src/os/cgroup-layout.ts';
import { isCgroupEmpty } from '../../src/os/cgroup-tree.ts';
import { gatherEvidence } from '../../src/os/evidence.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { executorMethods as service } from '../../src/rpc/executor-methods.ts';
import { call } from '../../src/rpc/framed-client.ts';
import { StopStep_Target as Target } from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { ConfinementRig, NO_LIMITS } from './confinement-rig.ts';
import { kill, until } from './host-rig.ts';

const answers = cgroupAnswers(machineCgroups());
const KILL_TREE = { signal: 'SIGKILL', target: Target.TREE, waitMs: 10_000 };

let rig: ConfinementRig;
let host: Host;

beforeAll(async () => {
  rig = new ConfinementRig();
  host = await rig.host('h1');
});

afterAll(() => rig.end());

const { tracking, limits: limiting } = answers;

describe.skipIf(!tracking.isAvailable)(`a program in a cgroup (${tracking.reason})`, () => {
  test('is in it from its first instruction, and neither its shim nor its host is', async () => {
    const request = rig.tracked('cat /proc/self/cgroup; echo end; sleep 1000');
    const { pid } = await rig.started(host, request);
    const text = await rig.output((seen) => seen.includes('end\n'));
    expect(text).toContain(`:${request.confinement.cgroup}\n`);
    const shim = gatherEvidence({ runDir: rig.dirOf(request), machineEpoch: machineEpoch() }).shim;
    for (const other of [host.address.pid, shim?.pid]) {
      expect(readFileSync(`/proc/${other}/cgroup`, 'utf8')).not.toContain(request.launchKey);
    }
    expect(readFileSync(`${rig.cgroupOf(request)}/cgroup.procs`, 'utf8')).toContain(`${pid}\n`);
    await rig.stop(host, request.launchKey, [KILL_TREE]);
  });

  test('is gone with all that it started, whatever session, parent, signals and environment', async () => {
    const script = `
      deep() { [ $1 = 0 ] && exec sleep 4242; (trap '' TERM HUP; deep $(($1 - 1))) & wait; }
      deep 5 &
      setsid sh -c 'trap "" TERM; sleep 4242' &
      (setsid env -i setsid /bin/sleep 4242 & exit) &
      env -i /bin/sh -c 'trap "" TERM; (setsid /bin/sleep 4242 &) ; exit' &
      sleep 0.3; echo end; trap '' TERM; sleep 4242`;
    const request = rig.tracked(script);
    await rig.started(host, request);
    await rig.output((seen) => seen.includes('end\n'));
    const dir = rig.cgroupOf(request);
    const pids = readFileSync(`${dir}/cgroup.procs`, 'utf8').trim().split('\n').map(Number);
    expect(pids.length).toBeGreaterThan(8);
    const polite = { signal: 'SIGTERM', target: Target.LEADER, waitMs: 50 };
    expect(await rig.stop(host, request.launchKey, [polite, KILL_TREE])).toMatchObject({
      $case: 'ended',
    });
    expect(isCgroupEmpty(dir)).toBe(true);
    expect(pids.filter((pid) => isRunning(pid))).toEqual([]);
  });

  test('leaves a daemon behind that gave its mark away, and that is found and ended all the same', async () => {
    const request = rig.tracked('setsid env -i setsid /bin/sleep 4243 & sleep 0.2; exit 3');
    await rig.started(host, request);
    await rig.report(host, request.launchKey);
    const evidence = gatherEvidence({ runDir: rig.dirOf(request), machineEpoch: machineEpoch() });
    expect(evidence).toMatchObject({ exit: 'valid', tree: 'alive' });
    expect(await rig.stop(host, request.launchKey, [KILL_TREE])).toMatchObject({ $case: 'ended' });
    expect(isCgroupEmpty(rig.cgroupOf(request))).toBe(true);
  });

  test('gives its cgroup back when it is forgotten, and the parents stay', async () => {
    const request = rig.tracked('exit 0');
    await rig.started(host, request);
    await rig.report(host, request.launchKey);
    expect(existsSync(rig.cgroupOf(request))).toBe(true);
    await call(host.channel, service.forget, { agentEpoch: 1, launchKey: request.launchKey });
    expect(existsSync(rig.cgroupOf(request))).toBe(false);
    expect(existsSync(dirname(rig.cgroupOf(request)))).toBe(true);
  });

  test('is refused where it cannot be joined, before it has an identity', async () => {
    const request = rig.tracked('echo no');
    request.confinement.cgroup = `/holdfast/../${request.launchKey}`;
    const outcome = await rig.launch(host, request);
    expect(outcome).toMatchObject({ $case: 'failed' });
    expect(existsSync(join(rig.dirOf(request), 'identity'))).toBe(false);
  });

  test('is found and ended by a host that did not start it, although its files are gone', async () => {
    const first = await rig.host('dies');
    const request = rig.tracked('setsid env -i setsid /bin/sleep 4244 & sleep 4244');
    await rig.started(first, request);
    await until(
      () => readFileSync(`${rig.cgroupOf(request)}/cgroup.procs`, 'utf8').split('\n').length > 3,
    );
    kill(first.address.pid);
    const second = await rig.host('adopts');
    const { launchKey } = request;
    expect(await call(second.channel, service.adopt, { agentEpoch: 1, launchKey })).toEqual({
      watching: true,
    });
    expect(await rig.stop(second, launchKey, [KILL_TREE])).toMatchObject({ $case: 'ended' });
    expect(isCgroupEmpty(rig.cgroupOf(request))).toBe(true);
  });

  test.skipIf(!limiting.pids.isAvailable)('may have no more processes than its limit', async () => {
    const limits = { ...NO_LIMITS, pids: 2 };
    const script = 'sleep 0.2 & (sleep 0.2 & sleep 0.2) ; sleep 0.1; echo end';
    const request = rig.tracked(script, { limits });
    await rig.started(host, request);
    const end = await rig.report(host, request.launchKey);
    // A shell that cannot fork ends.
    expect(end).toMatchObject({ $case: 'exit', value: { exitCode: 2 } });
  });

  test.skipIf(!limiting.memory.isAvailable)(
    'is reported as out of memory, every time',
    async () => {
      const limits = { ...NO_LIMITS, memoryMaxBytes: 16 * 1024 * 1024 };
      for (let round = 0; round < 5; round += 1) {
        const request = rig.tracked('exec dd if=/dev/zero of=/dev/null bs=64M count=1', { limits });
        await rig.started(host, request);
        expect(await rig.report(host, request.launchKey)).toMatchObject({
          $case: 'exit',
          value: { signal: 'SIGKILL', oomKilled: true },
        });
      }
    },
  );

  test('is not called out of memory when it was killed', async () => {
    const limits = { ...NO_LIMITS, memoryMaxBytes: 16 * 1024 * 1024 };
    const request = rig.tracked('kill -KILL $$', { limits });
    await rig.started(host, request);
    expect(await rig.report(host, request.launchKey)).toMatchObject({
      value: { signal: 'SIGKILL', oomKilled: false },
    });
  });
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
