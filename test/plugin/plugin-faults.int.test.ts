/** What an agent makes of a driver whose process does what it should not. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Driver } from '../../src/drivers/driver.ts';
import { LEFTOVER_PLAN } from '../../src/machines/kill-policy.ts';
import { isRunning, until } from '../acceptance/rig.ts';
import { pluginAgent, PluginWorld } from './plugin-rig.ts';

const ODD = new URL('../fixtures/odd-driver.ts', import.meta.url).pathname;
const SOURCES = new URL('../../src/', import.meta.url).pathname;
const never = new AbortController().signal;

async function open(options = {}, path = ODD) {
  const world = new PluginWorld('odd', path, options);
  const rig = await pluginAgent(world);
  onTestFinished(() => rig.end());
  return { world, rig, driver: rig.driver, doors: rig.doors };
}

/** An entry file of one's own. */
function entryOf(text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'hf-entry-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'entry.ts');
  writeFileSync(path, text);
  return path;
}

const untilHealthy = (driver: Driver) =>
  until('it is healthy', async () => {
    const print = await driver.fingerprint().catch(() => undefined);
    return print?.health === 'healthy' && print;
  });

describe('a process that dies', () => {
  it.each(['checkConfig', 'inspect', 'start', 'adopt', 'stop', 'signal', 'release', 'cleanUp'])(
    'in %s fails that call by name, and is started again',
    async (name) => {
      const { world, rig, driver, doors } = await open({ dies: [name] });
      const run = await rig.lasting();
      const of = { allocId: run.allocId, allocName: run.allocName, task: run.task };
      const calls: Record<string, () => unknown> = {
        checkConfig: () => driver.checkConfig({}),
        inspect: () => driver.inspect(run, doors),
        start: () => driver.start(run, doors, never),
        adopt: () => driver.adopt(run, doors, never),
        stop: () => driver.stop(run, LEFTOVER_PLAN, doors, never),
        signal: () => driver.signal(run, 'SIGHUP', doors),
        release: () => driver.release(run, doors),
        cleanUp: () => driver.cleanUp?.([{ kind: 'thing', id: 'x', run: 1 }], of, doors, never),
      };
      const [before] = world.hosts('driver');
      await expect(calls[name]?.()).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining(`driver plugin odd, ${name}: `),
      });
      await untilHealthy(driver);
      const after = world.hosts('driver');
      expect(after).toHaveLength(1);
      expect(after[0]?.pid).not.toBe(before?.pid);
      expect(world.facts.map(({ type }) => type)).toEqual([
        'HostStarted',
        'HostLost',
        'HostStarted',
      ]);
    },
  );

  it('in every wait leaves the wait to the next one, until nobody waits', async () => {
    const { world, rig, driver, doors } = await open({ dies: ['wait'] });
    const run = await rig.lasting();
    const started = await driver.start(run, doors, never);
    const leaving = new AbortController();
    const waiting = driver.wait(run, doors, leaving.signal);
    waiting.catch(() => undefined);
    await until('it has died three times', () => world.warnings.length >= 3);
    leaving.abort();
    await expect(waiting).rejects.toThrow();
    const sighting = await until('it answers', () => driver.inspect(run, doors).catch(() => false));
    expect(sighting).toMatchObject({
      process: started.kind === 'started' && started.process,
      evidence: { tree: 'alive' },
    });
  });

  it('again and again is told of so, and of not each death any more', async () => {
    const { world, driver } = await open({ dies: ['fingerprint'] });
    await until('it has died often', async () => {
      await driver.fingerprint().catch(() => undefined);
      return world.warnings.length >= 6;
    });
    const { message } = await until('it is away', async () => {
      const print = await driver.fingerprint().catch(() => undefined);
      return print?.health === 'unhealthy' && print;
    });
    expect(message).toMatch(/^it ends again and again: ./);
    expect(world.facts.filter(({ type }) => type === 'HostLost')).toHaveLength(5);
  });
});

describe('a process that hangs', () => {
  it('in a start is let go of as soon as nobody wants the start', async () => {
    const { rig, driver, doors } = await open({ hangs: ['start'] });
    const run = await rig.lasting();
    const leaving = new AbortController();
    const starting = driver.start(run, doors, leaving.signal);
    starting.catch(() => undefined);
    await driver.fingerprint();
    leaving.abort();
    await expect(starting).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await driver.stop(run, LEFTOVER_PLAN, doors, never)).toEqual({ kind: 'aborted' });
  });

  it('in a call is UNAVAILABLE when its time is over, and answers others meanwhile', async () => {
    const { rig, driver, doors } = await open({ hangs: ['inspect'] });
    const run = await rig.lasting();
    const looking = driver.inspect(run, doors);
    looking.catch(() => undefined);
    expect((await driver.fingerprint()).health).toBe('healthy');
    await expect(looking).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^driver plugin odd, inspect: .* 10000 ms passed$/),
    });
  });

  it('and answers nobody is ended, and the next one serves', async () => {
    const { world, rig, driver, doors } = await open({ spins: ['adopt'] });
    const run = await rig.lasting();
    await driver.start(run, doors, never);
    await expect(driver.adopt(run, doors, never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await untilHealthy(driver);
    expect(world.warnings.map(({ facts }) => facts)).toMatchObject([
      { reason: 'it did not answer and was ended' },
    ]);
    expect((await driver.inspect(run, doors)).evidence.tree).toBe('alive');
  });
});

describe('a process that is no driver of this agent', () => {
  it('speaks another protocol, and is refused with both numbers', async () => {
    const path = entryOf(`
      import { PACKAGE_VERSION } from '${SOURCES}version.ts';
      import { runHost } from '${SOURCES}rpc/host-main.ts';
      import { driverMethods } from '${SOURCES}rpc/driver-methods.ts';
      import { framedService } from '${SOURCES}rpc/framed-server.ts';
      await runHost('driver', 9, ({ hostId }) => {
        const hello = () => ({ hostId, protocol: 9, version: '9.0.0', pid: process.pid,
          description: Buffer.alloc(0), tookOptions: true });
        const no = () => { throw new Error('not asked'); };
        const handlers = { hello, attach: no, answer: no, call: no, stats: no };
        const { routes } = framedService(driverMethods, handlers);
        return { routes, busyWith: () => 0 };
      });
    `);
    const { driver } = await open({}, path);
    const { health, message } = await driver.fingerprint();
    expect([health, message]).toEqual([
      'unhealthy',
      'driver plugin odd (holdfast 9.0.0) speaks protocol 9 of drivers, this agent 1',
    ]);
  });

  it('ends at once, and the end of what it said is told', async () => {
    const path = entryOf(`console.log('no such licence'); process.exit(1);`);
    const { driver } = await open({}, path);
    expect((await driver.fingerprint()).message).toContain('no such licence');
  });

  it('knows nothing of what it is asked', async () => {
    const path = entryOf(`
      import { runHost } from '${SOURCES}rpc/host-main.ts';
      await runHost('driver', 1, () => ({ routes: new Map(), busyWith: () => 0 }));
    `);
    const { driver } = await open({}, path);
    const { health, message } = await driver.fingerprint();
    expect(health).toBe('unhealthy');
    expect(message).toContain('the driver host did not start');
  });
});

describe('what is below a process', () => {
  it('is noise, which ends the conversation and not the agent', async () => {
    const path = entryOf(`
      import { randomBytes } from 'node:crypto';
      import { createServer } from 'node:net';
      import { parseArgs } from 'node:util';
      import { machineEpoch } from '${SOURCES}os/machine-epoch.ts';
      import { ownIdentity } from '${SOURCES}os/process-identity.ts';
      import { hostDirectory, writeAddress } from '${SOURCES}rpc/address-file.ts';
      const { values } = parseArgs({ strict: false });
      const dir = hostDirectory(values['state-dir'], values['host-id']);
      const socket = dir + '/sock';
      createServer((caller) => caller.on('error', () => {}).write(randomBytes(1_000_000)))
        .listen(socket, () => writeAddress(dir, { hostId: values['host-id'], kind: 'driver',
          ...ownIdentity(machineEpoch()), protocol: 1, version: '1.0.0', socket }));
    `);
    const { world, rig, driver } = await open({}, path);
    expect(await driver.fingerprint()).toMatchObject({
      health: 'unhealthy',
      message: expect.stringContaining('the driver host did not start'),
    });
    await rig.leave();
    // It was tried again meanwhile; nothing of any try is left.
    await until('all are gone', () => !world.hosts('driver').some(({ pid }) => isRunning(pid)));
  });

  it('its entry file is gone and comes back: it goes on, and so do its tasks', async () => {
    const path = entryOf(`await import('${ODD}');`);
    const { world, rig, driver, doors } = await open({}, path);
    const run = await rig.lasting();
    const started = await driver.start(run, doors, never);
    rmSync(path);
    process.kill(world.hosts('driver')[0]?.pid ?? 0, 'SIGKILL');
    await until('it is missed', async () => {
      const print = await driver.fingerprint().catch(() => undefined);
      return print?.message === `${path} is no file`;
    });
    await expect(driver.inspect(run, doors)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `driver plugin odd: ${path} is no file`,
    });
    symlinkSync(ODD, path);
    await untilHealthy(driver);
    expect((await driver.inspect(run, doors)).process).toEqual(
      started.kind === 'started' && started.process,
    );
  });

  it('a socket that others were let into is closed to them with the next process', async () => {
    const { world, driver } = await open();
    const before = world.hosts('driver')[0] as { socket: string; pid: number };
    chmodSync(before.socket, 0o666);
    process.kill(before.pid, 'SIGKILL');
    const after = await until('another one is there', () =>
      world.hosts('driver').find(({ pid }) => pid !== before.pid),
    );
    await untilHealthy(driver);
    expect(after.socket).not.toBe(before.socket);
    expect(existsSync(before.socket)).toBe(false);
    expect(statSync(after.socket).mode & 0o777).toBe(0o600);
  });
});
