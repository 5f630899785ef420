/** Images of tasks: one pull for all, who uses them, when they go, and whose credentials they are pulled with. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ImageConfig } from '../../../src/drivers/docker/config.ts';
import { ImageUses } from '../../../src/drivers/docker/image-uses.ts';
import { Images } from '../../../src/drivers/docker/images.ts';
import { readDockerOptions } from '../../../src/drivers/docker/options.ts';
import { credentialsFor, registryOf } from '../../../src/drivers/docker/registry-credentials.ts';
import type { ExecutorDoor } from '../../../src/drivers/driver.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { EngineError } from '../../../src/engine/engine-error.ts';
import { keptDoors } from '../../../src/testing/driver-doors.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { runRequest } from '../run-request.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-images-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const never = new AbortController().signal;
const config = (more: Partial<ImageConfig> = {}): ImageConfig => ({
  image: 'shop/web:1',
  load: undefined,
  forcePull: false,
  imagePullTimeoutMs: undefined,
  auth: undefined,
  authSoftFail: false,
  ...more,
});
const doorsOf = () => keptDoors({} as ExecutorDoor);

/** An engine that has the images of `there`; a pull waits for `go`. */
function fakeEngine(there: readonly string[] = []) {
  const has = new Set(there);
  const calls: string[] = [];
  let go = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  const engine = {
    async inspectImage(ref: string) {
      return has.has(ref) ? { id: `id of ${ref}` } : undefined;
    },
    async pullImage(ref: string) {
      calls.push(`pull ${ref}`);
      await new Promise<void>((resolve, reject) => {
        go = resolve;
        fail = reject;
      });
      has.add(ref);
    },
    async removeImage(id: string) {
      calls.push(`remove ${id}`);
      return has.delete(id.replace('id of ', ''));
    },
  } as Partial<Engine> as Engine;
  return { engine, calls, go: () => go(), fail: (error: Error) => fail(error) };
}

const clockStep = () => new Promise((done) => setImmediate(done));

it('pulls once for all who wait, records it for each, and removes it when the last is over', async () => {
  const { engine, calls, go } = fakeEngine();
  const clock = new FakeClock();
  const images = new Images(engine, readDockerOptions());
  images.begin(clock);
  const [one, two] = [runRequest('docker', {}, 1, dir), runRequest('docker', {}, 2, dir)];
  const other = { ...two, task: { ...two.task, name: 'other' } };
  const [first, second] = [doorsOf(), doorsOf()];
  const asked = [
    images.ensure(config(), one, first, never),
    images.ensure(config(), other, second, never),
  ];
  await expect.poll(() => calls).toEqual(['pull shop/web:1']);
  go();
  const id = 'id of shop/web:1';
  expect(await Promise.all(asked)).toEqual([id, id]);
  for (const { words, holdings } of [first, second]) {
    expect(words).toMatchObject([{ message: 'Downloading image' }]);
    expect(holdings.current()).toEqual([{ kind: 'image', id, run: 1 }]);
  }
  images.release(id, one);
  await clock.advance('1h');
  images.release(id, other);
  await clock.advance('179s');
  expect(calls).toEqual(['pull shop/web:1']);
  await clock.advance('1s');
  expect(calls).toEqual(['pull shop/web:1', `remove ${id}`]);
});

it('leaves images alone that were there before, and does not record them', async () => {
  const { engine, calls } = fakeEngine(['shop/web:1']);
  const clock = new FakeClock();
  const images = new Images(engine, readDockerOptions());
  images.begin(clock);
  const doors = doorsOf();
  await images.ensure(config(), runRequest('docker', {}, 1, dir), doors, never);
  expect(doors.holdings.current()).toEqual([]);
  await clock.advance('1h');
  expect(calls).toEqual([]);
});

it('knows from the record of a task what an agent before fetched for it', async () => {
  const { engine, calls } = fakeEngine(['shop/web:1']);
  const clock = new FakeClock();
  const images = new Images(engine, readDockerOptions());
  images.begin(clock);
  const run = runRequest('docker', {}, 1, dir);
  images.recall(run, [{ kind: 'image', id: 'id of shop/web:1', run: 1 }]);
  await clock.advance('1h');
  expect(calls).toEqual([]);
  images.release('id of shop/web:1', run);
  await clock.advance('1h');
  expect(calls).toEqual(['remove id of shop/web:1']);
});

it('leaves a pull to the others when one gives up', async () => {
  const { engine, calls, go } = fakeEngine();
  const images = new Images(engine, readDockerOptions());
  const giveUp = new AbortController();
  const run = runRequest('docker', {}, 1, dir);
  const gone = images.ensure(config(), run, doorsOf(), giveUp.signal);
  const stays = images.ensure(config(), run, doorsOf(), never);
  await expect.poll(() => calls).toHaveLength(1);
  giveUp.abort(new Error('enough'));
  await expect(gone).rejects.toThrow('enough');
  go();
  expect(await stays).toBe('id of shop/web:1');
  expect(calls).toEqual(['pull shop/web:1']);
});

it.each([
  ['manifest unknown', 'START_FAILED'],
  ['connection reset', 'START_RETRYABLE'],
])(
  'refuses an image of which the registry says "%s" with %s, and never says the password',
  async (said, code) => {
    const { engine, calls, fail } = fakeEngine();
    const auth = {
      username: 'me',
      password: 'swordfish',
      email: undefined,
      serverAddress: undefined,
    };
    const images = new Images(engine, readDockerOptions());
    const run = runRequest('docker', {}, 1, dir);
    const asked = images.ensure(config({ auth }), run, doorsOf(), never);
    const refused = expect(asked).rejects.toMatchObject({
      code,
      message: `image shop/web:1 cannot be pulled: ${said} for ***`,
    });
    await expect.poll(() => calls).toHaveLength(1);
    fail(new EngineError('refused', `${said} for swordfish`, { status: 404 }));
    await refused;
    const error = await asked.catch((thrown: unknown) => thrown);
    expect((error as Error).cause).toBeUndefined();
  },
);

it('loads only files of the task, whatever links lead out of it', async () => {
  await mkdir(join(dir, 'task'));
  await writeFile(join(dir, 'out.tar'), '');
  await symlink('../out.tar', join(dir, 'task', 'link.tar'));
  const { engine } = fakeEngine();
  const images = new Images(engine, readDockerOptions());
  const run = runRequest('docker', {}, 1, dir);
  const dirs = { ...run.dirs, task: join(dir, 'task') };
  const load = async (path: string) =>
    images.ensure(config({ load: path }), { ...run, dirs }, doorsOf(), never);
  const wrong = { code: 'DRIVER_CONFIG_INVALID' };
  await expect(load('link.tar')).rejects.toMatchObject(wrong);
  await expect(load('../out.tar')).rejects.toMatchObject(wrong);
  await expect(load('.')).rejects.toMatchObject(wrong);
  await expect(load('none.tar')).rejects.toMatchObject(wrong);
});

it('never removes an image that somebody uses, in whatever order it is held and dropped', async () => {
  const act = fc.record({
    what: fc.constantFrom('hold', 'drop', 'wait'),
    id: fc.constantFrom('x', 'y'),
    user: fc.constantFrom('a', 'b', 'c'),
    ms: fc.integer({ min: 0, max: 150 }),
  });
  let removals = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
      const clock = new FakeClock();
      const model = new Map<string, Set<string>>([
        ['x', new Set()],
        ['y', new Set()],
      ]);
      const uses = new ImageUses(async (id) => {
        removals += 1;
        expect(model.get(id)?.size).toBe(0);
      }, 100);
      uses.begin(clock);
      for (const { what, id, user, ms } of acts) {
        if (what === 'wait') await clock.advance(ms);
        else if (what === 'drop') {
          model.get(id)?.delete(user);
          uses.drop(id, user);
        } else {
          await uses.settled(id);
          uses.own(id);
          model.get(id)?.add(user);
          expect(uses.hold(id, user)).toBe(true);
        }
      }
      const before = removals;
      for (const [id, users] of model) {
        for (const user of users) {
          users.delete(user);
          uses.drop(id, user);
        }
      }
      await clock.advance(100);
      await clockStep();
      expect(removals - before).toBeLessThanOrEqual(2);
      // Nothing that was dropped is left behind.
      expect(uses.hold('x', 'a') || uses.hold('y', 'a')).toBe(false);
    }),
  );
  expect(removals).toBeGreaterThan(10);
});

it('finds credentials in a config.json, by the registry of the image, and fails softly when told to', async () => {
  const path = join(dir, 'config.json');
  const auth = Buffer.from('me:sword:fish').toString('base64');
  await writeFile(path, JSON.stringify({ auths: { 'https://here.example:5000/v1/': { auth } } }));
  const from = { config: path };
  expect(await credentialsFor(config({ image: 'here.example:5000/web' }), from)).toEqual({
    username: 'me',
    password: 'sword:fish',
    serveraddress: 'here.example:5000',
  });
  expect(await credentialsFor(config(), from)).toBeUndefined();
  await writeFile(path, `{ "secret-${auth}`);
  const failed = await credentialsFor(config(), from).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 'START_RETRYABLE' });
  expect(String(failed)).not.toContain(auth);
  expect(await credentialsFor(config({ authSoftFail: true }), from)).toBeUndefined();
  expect(registryOf('library/web')).toBe('https://index.docker.io/v1/');
  expect(registryOf('localhost/web')).toBe('localhost');
});
