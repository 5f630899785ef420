/** What containers write, moved by a docker logger from a real engine into the files of a real collector. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dockerEngine } from '../../src/engine/docker-engine.ts';
import { EngineRig, IMAGE, whyNoEngine } from './engine-rig.ts';
import { OutputRig } from './output-rig.ts';

const missing = whyNoEngine();

describe.skipIf(missing !== undefined)(`output of containers ${missing ?? ''}`, () => {
  let rig: EngineRig;

  beforeAll(async () => {
    rig = await EngineRig.open();
  });
  afterAll(() => rig.close());

  const LOG: { readonly Type: string; readonly Config?: object } = {
    Type: 'json-file',
    Config: { 'max-size': '2m', 'max-file': '2' },
  };

  async function container(script: string, { isTty = false, log = LOG } = {}): Promise<string> {
    const { id } = await dockerEngine(rig).createContainer(`c${(made += 1)}`, {
      Image: IMAGE,
      Cmd: ['sh', '-c', script],
      Tty: isTty,
      HostConfig: { LogConfig: log, NetworkMode: 'none' },
    });
    await dockerEngine(rig).startContainer(id);
    return id;
  }
  let made = 0;

  async function follow(containerId: string, isTty = false): Promise<OutputRig> {
    const output = new OutputRig({ endpoint: rig.endpoint, containerId, isTty });
    onTestFinished(() => output.end());
    await output.ensure('logmon');
    await output.ensure('docker-logger');
    return output;
  }

  const numbers = (from: number, to: number): string =>
    Array.from({ length: to - from + 1 }, (_, i) => `${from + i}\n`).join('');

  it('is whole and apart by stream, and the holder of its pipes goes with it', async () => {
    const script = 'seq 1 20000; seq 1 20000 | sed s/^/e/ >&2; printf last';
    const output = await follow(await container(script));
    expect(await output.settle(30_000)).toMatchObject({ isSettled: true, remarks: [] });
    const { stdout, stderr } = await output.collected();
    expect(stdout.toString()).toBe(`${numbers(1, 20_000)}last`);
    expect(stderr.toString()).toBe(numbers(1, 20_000).replaceAll(/^(?=\d)/gm, 'e'));
    expect(output.holders()).toHaveLength(1);
    await output.release();
    await expect.poll(() => output.holders()).toEqual([]);
  });

  it('is that of the terminal where there is one', async () => {
    const output = await follow(
      await container('seq 1 3000; seq 3001 6000 >&2', { isTty: true }),
      true,
    );
    expect(await output.settle(30_000)).toMatchObject({ isSettled: true });
    const { stdout, stderr } = await output.collected();
    expect(stdout.toString().replaceAll('\r\n', '\n')).toBe(numbers(1, 6000));
    expect(stderr).toHaveLength(0);
  });

  it.each([false, true])(
    'has long lines and odd bytes as they were (terminal: %s)',
    async (isTty) => {
      const long =
        'head -c 16384 /dev/zero | tr "\\0" a; echo; head -c 100000 /dev/zero | tr "\\0" b; echo';
      const odd = `printf '\\000\\001\\033[0m 2026-01-01T00:00:00.000000000Z x\\n\\n\\n'`;
      const output = await follow(await container(`${long}; ${odd}; echo end`, { isTty }), isTty);
      expect(await output.settle(30_000)).toMatchObject({ isSettled: true });
      const { stdout } = await output.collected();
      const odds = '\0\u{1}\u{1B}[0m 2026-01-01T00:00:00.000000000Z x\n\n\n';
      const expected = `${'a'.repeat(16_384)}\n${'b'.repeat(100_000)}\n${odds}end\n`;
      expect(stdout.toString().replaceAll('\r\n', '\n') === expected).toBe(true);
    },
  );

  it('comes while the container runs, and is not settled before it ends', async () => {
    const output = await follow(await container('echo one; read x; sleep 1000'));
    const one = async () => (await output.collected()).stdout.toString();
    await expect.poll(one, { timeout: 10_000 }).toBe('one\n');
    expect(await output.settle(1)).toMatchObject({ isSettled: false, remarks: [] });
  });

  it('has a gap told where the engine was faster than its reader', async () => {
    const containerId = await container(
      'echo first; while [ ! -e /tmp/go ]; do usleep 20000; done; seq 1 700000',
    );
    const output = await follow(containerId);
    const first = async () => (await output.collected()).stdout.toString();
    await expect.poll(first, { timeout: 20_000 }).toBe('first\n');
    output.kill('docker-logger');
    rig.docker('exec', containerId, 'touch', '/tmp/go');
    await dockerEngine(rig).waitContainer(containerId, new AbortController().signal);
    await output.ensure('docker-logger');
    expect((await output.settle(30_000)).remarks).toEqual([
      { type: 'gap', message: 'the engine threw a part of stdout away before it was read' },
    ]);
    expect(await output.settle(30_000, 1)).toMatchObject({ isSettled: true, remarks: [] });
    output.kill('docker-logger');
    await output.ensure('docker-logger');
    expect(await output.settle(30_000)).toEqual({ isSettled: true, remarks: [], remarksSoFar: 1 });
    const text = (await output.collected()).stdout.toString();
    const [, second = ''] = text.split('\n');
    expect(text).toBe(`first\n${numbers(Number(second), 700_000)}`);
    expect(Number(second)).toBeGreaterThan(1);
  });

  it('is told to be out of reach where the engine keeps none', async () => {
    const output = await follow(await container('seq 1 10', { log: { Type: 'none' } }));
    const { isSettled, remarks } = await output.settle(30_000);
    expect(remarks[0]).toMatchObject({ type: 'unreadable' });
    expect(isSettled || (await output.settle(30_000, 1)).remarks[0]?.type === 'unreadable').toBe(
      true,
    );
  });
});
