import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { isAlive, ownIdentity } from '../../src/os/process-identity.ts';
import { scanTree, signalGroup, signalProcess } from '../../src/os/process-tree.ts';

const epoch = machineEpoch();

test('a process is alive by pid, start time and epoch together, never by pid alone', () => {
  const own = ownIdentity(epoch);
  expect(isAlive(own, epoch)).toBe('alive');
  expect(isAlive({ ...own, startTime: '1' }, epoch)).toBe('dead');
  expect(isAlive(own, 'another epoch')).toBe('dead');
});

test('the epoch is the same for every look, and cannot be told without procfs', () => {
  expect(machineEpoch()).toBe(epoch);
  expect(() => machineEpoch('/no/proc')).toThrow('no machine epoch');
});

test('nobody is signalled whose identity does not match', async () => {
  const child = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' });
  const pid = child.pid ?? 0;
  const stranger = { pid, startTime: '1', machineEpoch: epoch };
  expect(signalProcess(stranger, epoch, 'SIGKILL')).toBe(false);
  expect(signalGroup(stranger, epoch, 'SIGKILL')).toBe(false);
  const scan = scanTree({ program: stranger, mark: undefined, since: undefined }, epoch);
  expect(scan.members).toEqual([]);
  expect(isAlive(stranger, epoch)).toBe('dead');
  child.kill();
  const [, signal] = (await once(child, 'exit')) as [unknown, string];
  // Had the stranger been signalled, it would have died of SIGKILL.
  expect(signal).toBe('SIGTERM');
});

test('only the whole mark makes a process one of ours', async () => {
  const mark = `i:${process.pid}`;
  const child = spawn('/bin/sleep', ['1000'], {
    env: { HOLDFAST_MARK: `${mark}0`, X_HOLDFAST_MARK: mark },
    stdio: 'ignore',
  });
  const found = (wanted: string): number[] =>
    scanTree({ program: undefined, mark: wanted, since: undefined }, epoch).members.map(
      (member) => member.pid,
    );
  await expect.poll(() => found(`${mark}0`)).toEqual([child.pid]);
  expect(found(mark)).toEqual([]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(found(`${mark}0`)).toEqual([]);
});
