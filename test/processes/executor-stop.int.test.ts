import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRetryable } from '../../src/errors.ts';
import { gatherEvidence } from '../../src/os/evidence.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { tryAbort } from '../../src/os/run-directory.ts';
import { executorMethods as service } from '../../src/rpc/executor-methods.ts';
import { call } from '../../src/rpc/framed-client.ts';
import { StopStep_Target as Target } from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { Rig, until } from './host-rig.ts';

let rig: Rig;
let host: Host;
const epoch = machineEpoch();
const KILL_TREE = { signal: 'SIGKILL', target: Target.TREE, waitMs: 10_000 };

beforeAll(async () => {
  rig = new Rig();
  host = await rig.host('h1');
});

afterAll(() => rig.end());

test('SIGINT and SIGQUIT end a program that does not ask for them', async () => {
  for (const signal of ['SIGINT', 'SIGQUIT']) {
    const request = rig.request('exec sleep 1000');
    await rig.started(host, request);
    const steps = [{ signal, target: Target.LEADER, waitMs: 10_000 }];
    expect(await rig.stop(host, request.launchKey, steps)).toMatchObject({ $case: 'ended' });
    expect(await rig.report(host, request.launchKey)).toMatchObject({ value: { signal } });
  }
});

test('a stop signal that shells ignore is not lost when it comes right after the start', async () => {
  for (let round = 0; round < 20; round += 1) {
    const request = rig.request('exec sleep 1000');
    await rig.started(host, request);
    const steps = [{ signal: 'SIGINT', target: Target.LEADER, waitMs: 10_000 }];
    expect(await rig.stop(host, request.launchKey, steps)).toMatchObject({ $case: 'ended' });
  }
});

test('a run aborted before its launch is never started', async () => {
  const request = rig.request('echo no');
  expect(await rig.stop(host, request.launchKey, [KILL_TREE])).toMatchObject({ $case: 'aborted' });
  expect(await rig.launch(host, request)).toMatchObject({ $case: 'aborted' });
  expect(tryAbort(rig.dirOf(request), 'agent')).toBe(true);
  expect(readdirSync(rig.dirOf(request))).not.toContain('identity');
});

test.each(['intent', 'fate'])(
  'a live run whose %s was damaged is stopped by a host that did not start it',
  async (file) => {
    const first = await rig.host(`starts-${file}`);
    const request = rig.request('exec sleep 1006');
    await rig.started(first, request);
    truncateSync(join(rig.dirOf(request), file), 0);
    const answer = await stoppedAtLast(request.launchKey);
    expect(['ended', 'aborted']).toContain(answer?.$case);
    const seen = gatherEvidence({
      runDir: rig.dirOf(request),
      machineEpoch: epoch,
      mark: request.mark,
    });
    expect(seen).toMatchObject({ tree: 'dead', exitRecord: { signal: 'SIGKILL' } });
  },
);

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

/** As an agent asks: again, while the shim has not ended yet. */
async function stoppedAtLast(launchKey: string): ReturnType<Rig['stop']> {
  for (;;) {
    try {
      return await rig.stop(host, launchKey, [KILL_TREE]);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      await delay(5);
    }
  }
}
