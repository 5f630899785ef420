/** Runs whose own files were damaged under them: a new host watches them to their true end all the same. */
import { rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decideStart } from '../../src/machines/start-decision.ts';
import { gatherEvidence } from '../../src/os/evidence.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { isAlive } from '../../src/os/process-identity.ts';
import { executorMethods as service } from '../../src/rpc/executor-methods.ts';
import { call } from '../../src/rpc/framed-client.ts';
import {
  type LaunchRequest,
  type Process,
  StopStep_Target as Target,
} from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import { type Host } from '../../src/rpc/spawn-host.ts';
import { flipByte } from '../faults/programs/damage.ts';
import { kill, Rig, until } from './host-rig.ts';

const epoch = machineEpoch();
let rig: Rig;
beforeEach(() => (rig = new Rig()));
afterEach(() => rig.end());

const DAMAGES: readonly [what: string, damage: (dir: string) => void][] = [
  ['no intent', (dir) => rmSync(join(dir, 'intent'))],
  ['a torn intent', (dir) => truncateSync(join(dir, 'intent'), 20)],
  ['an intent of which one byte has changed', (dir) => flipByte(join(dir, 'intent'), 140)],
  ['a fate of which one byte has changed', (dir) => flipByte(join(dir, 'fate'), 8)],
  ['an identity of which one byte has changed', (dir) => flipByte(join(dir, 'identity'), 1)],
  [
    'a link to nothing for a fate',
    (dir) => {
      rmSync(join(dir, 'fate'));
      symlinkSync('/nonexistent/file', join(dir, 'fate'));
    },
  ],
  [
    'neither a fate nor an identity that can be read',
    (dir) => ['fate', 'identity'].forEach((name) => truncateSync(join(dir, name), 5)),
  ],
];

/** A run that lives, damaged, after the host that began it was killed; and the host that follows. */
async function damagedRun(
  script: string,
  damage: (dir: string) => void,
): Promise<{ host: Host; request: LaunchRequest; program: Process }> {
  const first = await rig.host('first');
  const request = rig.request(script, { cwd: rig.stateDir });
  const program = await rig.started(first, request);
  await rig.output((text) => text.includes('begun'));
  kill(first.address.pid);
  await until(() => isAlive({ ...first.address }, epoch) === 'dead');
  damage(rig.dirOf(request));
  return { host: await rig.host('second'), request, program };
}

function verdictOn({ launchKey, mark }: LaunchRequest): string {
  const runDir = rig.dirOf({ launchKey });
  const seen = gatherEvidence({ runDir, machineEpoch: epoch, mark });
  const { dir, fate, exit } = seen;
  if (dir === 'unknown' || fate === 'unknown' || exit === 'unknown') return 'unknown';
  return decideStart('started', { ...seen, dir, fate, exit }).act;
}

test.each(DAMAGES)('with %s a run is adopted, and its end is told', async (_what, damage) => {
  const script = 'echo begun; while [ ! -e go ]; do sleep 0.01; done; exit 7';
  const { host, request } = await damagedRun(script, damage);
  expect(verdictOn(request)).toBe('adopt');
  const { launchKey } = request;
  const adopted = await call(host.channel, service.adopt, { agentEpoch: 1, launchKey });
  expect(adopted).toEqual({ watching: true });
  writeFileSync(join(rig.stateDir, 'go'), '');
  const report = await rig.report(host, launchKey);
  expect(report).toMatchObject({ $case: 'exit', value: { exitCode: 7 } });
});

test.each(DAMAGES)('with %s a run ends when it is asked to', async (_what, damage) => {
  const script = "trap 'exit 3' TERM; echo begun; while :; do sleep 0.01; done";
  const { host, request, program } = await damagedRun(script, damage);
  const steps = [{ signal: 'SIGTERM', target: Target.GROUP, waitMs: 5_000 }];
  const { launchKey } = request;
  await call(host.channel, service.adopt, { agentEpoch: 1, launchKey });
  expect(await rig.stop(host, launchKey, steps)).toEqual({ $case: 'ended', value: {} });
  expect(isAlive(program, epoch)).toBe('dead');
});

test('a run whose fate is gone ends before it is called aborted, or it would live on beside the next', async () => {
  const remove = (dir: string) => rmSync(join(dir, 'fate'));
  const { host, request, program } = await damagedRun('echo begun; exec sleep 1012', remove);
  expect(verdictOn(request)).toBe('killAndLose');
  const steps = [{ signal: 'SIGKILL', target: Target.TREE, waitMs: 5_000 }];
  const outcome = await rig.stop(host, request.launchKey, steps);
  expect(outcome).toEqual({ $case: 'aborted', value: {} });
  expect(isAlive(program, epoch)).toBe('dead');
});
