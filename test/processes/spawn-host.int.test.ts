import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { isAlive } from '../../src/os/process-identity.ts';
import { compileCacheDirectory } from '../../src/rpc/compile-cache.ts';
import { findHost, type Host, type HostRequest, spawnHost } from '../../src/rpc/spawn-host.ts';
import { kill, until } from './host-rig.ts';

const epoch = machineEpoch();
let stateDir: string;
let hosts: Host[];
const cacheHome = process.env['XDG_CACHE_HOME'];

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'spawn-'));
  hosts = [];
  process.env['XDG_CACHE_HOME'] = join(stateDir, 'home');
  mkdirSync(join(stateDir, 'home'));
});

afterEach(() => {
  if (cacheHome === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = cacheHome;
  for (const { address, channel } of hosts) {
    channel.close();
    kill(address.pid);
  }
  rmSync(stateDir, { recursive: true });
});

function request(hostId: string): HostRequest {
  return { stateDir, kind: 'executor', hostId, instanceId: 'i', agentEpoch: 1 };
}

async function spawned(hostId: string): Promise<Host> {
  const host = await spawnHost(request(hostId));
  hosts.push(host);
  return host;
}

function environmentOf(host: Host): string {
  return readFileSync(`/proc/${host.address.pid}/environ`, 'latin1');
}

test('a host with a cold cache starts itself again under the same pid, one with a warm cache does not', async () => {
  const cold = await spawned('cold');
  const warm = await spawned('warm');
  expect(environmentOf(cold)).toContain('HOLDFAST_SECOND_START=1');
  expect(environmentOf(warm)).not.toContain('HOLDFAST_SECOND_START');
  expect(cold.greeting.pid).toBe(cold.address.pid);
  expect(readdirSync(join(stateDir, 'home/holdfast/compile')).length).toBeGreaterThan(0);
});

test('a host leads a session of its own, inherits nothing, and its files are for its owner alone', async () => {
  process.env['HOLDFAST_TEST_SECRET'] = 'x';
  const host = await spawned('own');
  delete process.env['HOLDFAST_TEST_SECRET'];
  const { pid, socket } = host.address;
  expect(environmentOf(host)).not.toContain('HOLDFAST_TEST_SECRET');
  expect(readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[5]).toBe(String(pid));
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(join(stateDir, 'hosts/own/host.log')).mode & 0o777).toBe(0o600);
});

test('a living host is found again, a dead one is UNAVAILABLE', async () => {
  const host = await spawned('again');
  const found = await findHost({ ...request('again'), agentEpoch: 2 });
  hosts.push(found);
  expect(found.address).toEqual(host.address);
  await expect(findHost(request('again'))).rejects.toMatchObject({ code: 'EPOCH_STALE' });
  kill(host.address.pid);
  await until(() => isAlive(host.address, epoch) === 'dead');
  await expect(findHost(request('again'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect(findHost(request('never'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('signals of a terminal do not end a host, and SIGTERM ends an idle one', async () => {
  const host = await spawned('signals');
  process.kill(host.address.pid, 'SIGHUP');
  process.kill(host.address.pid, 'SIGINT');
  hosts.push(await findHost(request('signals')));
  process.kill(host.address.pid, 'SIGTERM');
  await until(() => isAlive(host.address, epoch) === 'dead');
  expect(existsSync(join(stateDir, 'hosts/signals/address.json'))).toBe(false);
  expect(existsSync(host.address.socket)).toBe(false);
});

test('a host that cannot start is an error that quotes the end of its log', async () => {
  // A directory where the socket's temporary name belongs.
  mkdirSync(join(stateDir, 'hosts/broken/sock~/full'), { recursive: true });
  await expect(spawnHost(request('broken'))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/it ended[^]*sock~/) as string,
  });
});

test('a data directory whose sockets cannot be named is refused before anything starts', async () => {
  const long = join(stateDir, 'd'.repeat(90));
  await expect(spawnHost({ ...request('h'), stateDir: long })).rejects.toMatchObject({
    code: 'DATA_DIR_REFUSED',
  });
  expect(existsSync(long)).toBe(false);
});

test('a cache that others can write into is made private, and one that is not a directory is avoided', () => {
  const home = join(stateDir, 'home');
  mkdirSync(join(home, 'holdfast'));
  chmodSync(join(home, 'holdfast'), 0o777);
  const env = { XDG_CACHE_HOME: home };
  expect(compileCacheDirectory(stateDir, env)).toBe(join(home, 'holdfast/compile'));
  expect(statSync(join(home, 'holdfast')).mode & 0o777).toBe(0o700);
  rmSync(join(home, 'holdfast'), { recursive: true });
  writeFileSync(join(home, 'holdfast'), '');
  expect(compileCacheDirectory(stateDir, env)).toBe(join(stateDir, 'cache/compile'));
});
