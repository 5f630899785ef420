import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExit, readIdentity } from '../../src/os/run-directory.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { ContainerRig, noContainersBecause } from './container-rig.ts';

const obstacle = noContainersBecause();

describe.skipIf(obstacle)(`a program in a container (${obstacle ?? 'here'})`, () => {
  let rig: ContainerRig;
  let host: Host;

  beforeAll(async () => {
    rig = new ContainerRig();
    host = await rig.host('h1');
  });

  afterAll(() => rig.end());

  it('has its identity on disk before its first instruction, and is pid 1 of its own', async () => {
    const request = rig.isolated('echo "I am $$"; sleep 0.2; exit 3');
    const { pid } = await rig.started(host, request);
    const identity = readIdentity(rig.dirOf(request));
    expect(identity).toMatchObject({ is: 'whole', value: { pid } });
    expect(await rig.output((text) => text.includes('\n'))).toBe('I am 1\n');
    expect(await rig.report(host, request.launchKey)).toMatchObject({
      $case: 'exit',
      value: { exitCode: 3, signal: '', execFailed: false },
    });
  });

  it.each([
    ['exit 0', { exitCode: 0, signal: '' }],
    ['exit 7', { exitCode: 7, signal: '' }],
    ['exit 126', { exitCode: 126, signal: '' }],
    ['exit 200', { exitCode: 200, signal: '' }],
    ['exit 255', { exitCode: 255, signal: '' }],
    ['exit 143', { exitCode: 0, signal: 'SIGTERM' }],
  ])('that does %s has ended so', async (script, end) => {
    const request = rig.isolated(script);
    await rig.started(host, request);
    expect(await rig.report(host, request.launchKey)).toMatchObject({ $case: 'exit', value: end });
  });

  it('leaves nothing of its words on the disk', async () => {
    const env = { PATH: '/usr/bin:/bin', TOKEN: 'hunter2-of-the-test' };
    const request = rig.isolated('sleep 0.1; : another-secret-word', { request: { env } });
    await rig.started(host, request);
    await rig.report(host, request.launchKey);
    const all = readdirSync(rig.dirOf(request), { recursive: true, withFileTypes: true });
    const texts = all
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    expect(texts.length).toBeGreaterThan(3);
    expect(texts.filter((text) => /hunter2|another-secret/.test(text))).toEqual([]);
    const config = join(rig.dirOf(request), 'oci', 'bundle', 'config.json');
    expect(readlinkSync(config)).toBe('/proc/self/fd/6');
  });

  it.each([
    ['a program that is not there', { request: { command: '/bin/nope' } }, 'COMMAND_NOT_FOUND'],
    [
      'a mount of something that is not there',
      {
        isolation: {
          mounts: [{ type: 'bind', source: '/nope', destination: '/x', options: ['rbind'] }],
        },
      },
      'START_FAILED',
    ],
    [
      'a network that is not there',
      { confinement: { networkNamespace: '/run/netns/nope' } },
      'START_FAILED',
    ],
  ])('is refused in the words of runc for %s', async (_what, changes, code) => {
    const request = rig.isolated('exit 1', changes);
    const outcome = await rig.launch(host, request);
    expect(outcome).toMatchObject({ $case: 'failed', value: { code, retryable: false } });
    const { message } = (outcome as { value: { message: string } }).value;
    expect(message).toMatch(/nope/);
    expect(readExit(rig.dirOf(request)).is).toBe('absent');
  });
});
