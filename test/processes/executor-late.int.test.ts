/** Launches that are served when the run has come and gone, as after a host stood still. */
import { existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { executorMethods as service } from '../../src/rpc/executor-methods.ts';
import { call } from '../../src/rpc/framed-client.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { Rig } from './host-rig.ts';

let rig: Rig;
let host: Host;

beforeAll(async () => {
  rig = new Rig();
  host = await rig.host('h1');
});

afterAll(() => rig.end());

test('a run that has ended is not begun again because its directory is gone', async () => {
  const request = rig.request('exit 3');
  const { pid } = await rig.started(host, request);
  await rig.report(host, request.launchKey);
  rmSync(rig.dirOf(request), { recursive: true });
  expect(await rig.started(host, request)).toMatchObject({ pid });
  expect(existsSync(rig.dirOf(request))).toBe(false);
});

test('nor is one that the host was told to forget', async () => {
  const request = rig.request('exit 3');
  await rig.started(host, request);
  await rig.report(host, request.launchKey);
  await call(host.channel, service.forget, { agentEpoch: 1, launchKey: request.launchKey });
  rmSync(rig.dirOf(request), { recursive: true });
  expect(await rig.launch(host, request)).toMatchObject({ $case: 'aborted' });
  expect(existsSync(rig.dirOf(request))).toBe(false);
});
