/** The calls of an engine against a real one, and what their failures say. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dockerEngine } from '../../src/engine/docker-engine.ts';
import { EngineRig, IMAGE, whyNoEngine } from './engine-rig.ts';
import { type Fault, FaultySocket } from './faulty-socket.ts';

const missing = whyNoEngine();

describe.skipIf(missing !== undefined)(`calls of an engine ${missing ?? ''}`, () => {
  let rig: EngineRig;
  const never = new AbortController().signal;

  beforeAll(async () => {
    rig = await EngineRig.open(['--bip', '172.30.0.1/16']);
  });
  afterAll(() => rig.close());

  const body = (...Cmd: readonly string[]) => ({ Image: IMAGE, Cmd, Labels: { a: 'b' } });

  it('make a container, and tell how it is at every step', async () => {
    const engine = dockerEngine(rig);
    expect(await engine.version()).toMatchObject({ os: 'linux' });
    expect(await engine.inspectContainer('one')).toBeUndefined();
    const { id } = await engine.createContainer('one', body('sleep', '1000'));
    await expect(engine.createContainer('one', body('true'))).rejects.toMatchObject({
      kind: 'refused',
      status: 409,
    });
    expect(await engine.inspectContainer('one')).toMatchObject({
      id,
      labels: { a: 'b' },
      isTty: false,
      state: { status: 'created', startedAt: undefined },
    });
    expect(await engine.killContainer('one', 'SIGTERM')).toBe(false);
    expect(await engine.startContainer('one')).toBe('started');
    expect(await engine.startContainer('one')).toBe('was-started');
    const { state } = (await engine.inspectContainer(id)) ?? {};
    expect(state).toMatchObject({ status: 'running', pid: expect.any(Number) });
    const waiting = engine.waitContainer('one', never);
    expect(await engine.killContainer('one', 'SIGKILL')).toBe(true);
    expect(await waiting).toEqual({ exitCode: 137 });
    expect((await engine.inspectContainer(id))?.state).toMatchObject({
      status: 'exited',
      exitCode: 137,
    });
    expect(await engine.removeContainer('one', { force: true, volumes: true })).toBe(true);
    expect(await engine.removeContainer('one', { force: true, volumes: true })).toBe(false);
    expect(await engine.killContainer('one', 'SIGKILL')).toBe(false);
  });

  it('know images by name and id, and say why one cannot be had', async () => {
    const engine = dockerEngine(rig);
    const image = await engine.inspectImage(IMAGE);
    expect(await engine.inspectImage(image?.id ?? '')).toEqual(image);
    expect(await engine.inspectImage('local/none:1')).toBeUndefined();
    const pulled = engine.pullImage('127.0.0.1:1/none:1', { signal: never });
    await expect(pulled).rejects.toMatchObject({ kind: 'refused' });
  });

  it('take an image from a tar, remove it unless it is used, and tell what containers can have', async () => {
    const engine = dockerEngine(rig);
    const tar = join(rig.dir, 'saved.tar');
    rig.docker('tag', IMAGE, 'local/other:1');
    rig.docker('save', '--output', tar, 'local/other:1');
    await engine.createContainer('user', { Image: 'local/other:1', Cmd: ['true'] });
    const { id = '' } = (await engine.inspectImage(IMAGE)) ?? {};
    expect(await engine.removeImage(id)).toBe(false);
    rig.docker('rmi', 'local/other:1');
    expect(await engine.loadImage(createReadStream(tar), never)).toEqual(['local/other:1']);
    expect(await engine.inspectImage('local/other:1')).toEqual({ id });
    expect(await engine.removeImage('local/other:1')).toBe(true);
    expect(await engine.removeImage('local/other:1')).toBe(false);
    await expect(engine.loadImage(Readable.from(['no tar']), never)).rejects.toMatchObject({
      kind: 'refused',
    });
    const gone = createReadStream(join(rig.dir, 'none.tar'));
    await expect(engine.loadImage(gone, never)).rejects.toThrow('ENOENT');
    const { runtimes, bridgeIp } = await engine.info();
    expect(runtimes).toContain('runc');
    expect(bridgeIp).toBe('172.30.0.1');
  });

  it.each<[Fault, string]>([
    ['error before', 'refused'],
    ['error after', 'refused'],
    ['cut', 'broken'],
  ])('say of one that failed by "%s" that it was %s', async (fault, kind) => {
    const proxy = await FaultySocket.open(join(rig.dir, `${kind}.sock`), rig.socket);
    onTestFinished(() => proxy.close());
    proxy.break('GET', /\/version/, fault);
    await expect(dockerEngine(proxy).version()).rejects.toMatchObject({ kind });
    expect(proxy.broken).toEqual([`GET /version ${fault}`]);
    expect(await dockerEngine(proxy).version()).toMatchObject({ os: 'linux' });
  });

  it('say that nobody was there to take one, and stop waiting when they are told to', async () => {
    const gone = dockerEngine({ endpoint: `unix://${rig.dir}/none.sock` });
    await expect(gone.version()).rejects.toMatchObject({ kind: 'unreachable', retryable: true });
    const engine = dockerEngine(rig);
    await engine.createContainer('two', body('sleep', '1000'));
    await engine.startContainer('two');
    const giveUp = new AbortController();
    const waiting = engine.waitContainer('two', giveUp.signal);
    giveUp.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
