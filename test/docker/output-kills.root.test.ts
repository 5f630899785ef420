/** Whoever moves the output of a container is killed at any moment, and so is whoever collects it. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dockerEngine } from '../../src/engine/docker-engine.ts';
import { EngineRig, IMAGE, whyNoEngine } from './engine-rig.ts';
import { OutputRig } from './output-rig.ts';

const missing = whyNoEngine();
const SEED = Number(process.env['HOLDFAST_SEED'] ?? 7);
const KILLS = Number(process.env['HOLDFAST_KILLS'] ?? 24);
const BLOCKS = KILLS * 40;
const LINES_A_BLOCK = 50;

describe.skipIf(missing !== undefined)(`killed movers of output ${missing ?? ''}`, () => {
  let rig: EngineRig;

  beforeAll(async () => {
    rig = await EngineRig.open();
  });
  afterAll(() => rig.close());

  /** Writes on both streams for as long as it is killed, with pauses and without. */
  async function writer(isTty: boolean): Promise<OutputRig> {
    const block = `seq $((k * ${LINES_A_BLOCK} + 1)) $(((k + 1) * ${LINES_A_BLOCK}))`;
    const onStderr = isTty ? '' : `${block} >&2;`;
    const script = `k=0; while [ $k -lt ${BLOCKS} ]; do ${block}; ${onStderr} usleep 5000; k=$((k+1)); done`;
    const { id: containerId } = await dockerEngine(rig).createContainer(isTty ? 'tty' : 'plain', {
      Image: IMAGE,
      Cmd: ['sh', '-c', script],
      Tty: isTty,
      HostConfig: {
        LogConfig: { Type: 'json-file', Config: { 'max-size': '100m', 'max-file': '2' } },
        NetworkMode: 'none',
      },
    });
    const output = new OutputRig({ endpoint: rig.endpoint, containerId, isTty });
    onTestFinished(async () => {
      await output.end();
      await dockerEngine(rig).removeContainer(containerId, { force: true, volumes: true });
    });
    await output.ensure('logmon');
    await output.ensure('docker-logger');
    await dockerEngine(rig).startContainer(containerId);
    return output;
  }

  /** `after` is done to what a killed logger left. */
  async function underKills(output: OutputRig, after: (kill: number) => void): Promise<void> {
    const random = chance(SEED);
    for (let kill = 0; kill < KILLS; kill += 1) {
      await delay(random() * 120);
      const which = random();
      if (which < 0.66) output.kill('docker-logger');
      if (which > 0.33) output.kill('logmon');
      if (which < 0.66) after(kill);
      if (random() < 0.5) await output.ensure('docker-logger');
      await output.ensure('logmon');
      await output.ensure('docker-logger');
    }
    expect(await output.settle(60_000)).toMatchObject({ isSettled: true, remarks: [] });
  }

  const all = Array.from({ length: BLOCKS * LINES_A_BLOCK }, (_, i) => `${i + 1}\n`).join('');

  it.each([false, true])(
    'lose nothing, and move nothing twice (terminal: %s)',
    async (isTty) => {
      const output = await writer(isTty);
      await underKills(output, () => undefined);
      const { stdout, stderr } = await output.collected();
      expect(faults(stdout.toString().replaceAll('\r\n', '\n'))).toEqual([]);
      expect(stdout.toString().replaceAll('\r\n', '\n') === all).toBe(true);
      expect(stderr.toString() === (isTty ? '' : all)).toBe(true);
    },
    600_000,
  );

  it('repeat what they moved where it is not kept how far they were: the control', async () => {
    const output = await writer(false);
    await underKills(output, (kill) => {
      const position = join(output.runDir, 'engine-stdout.position');
      if (kill % 4 === 0 && existsSync(position)) rmSync(position);
    });
    const { stdout, stderr } = await output.collected();
    expect(faults(stdout.toString()).length).toBeGreaterThan(0);
    expect(stderr.toString() === all).toBe(true);
  }, 600_000);
});

/** The first lines that do not follow the one before. */
function faults(text: string): readonly string[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.filter((line, i) => Number(line) !== i + 1).slice(0, 3);
}

/** The same numbers for the same seed. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) % 4_294_967_296;
    return (state >>> 0) / 4_294_967_296;
  };
}
