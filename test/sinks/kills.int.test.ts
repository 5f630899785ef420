/** Agents are killed while they send: every event is at the receiver, and where it can be told, once. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { HoldfastError } from '../../src/errors.ts';
import type { SinkInput } from '../../src/spec/sink-schema.ts';
import { Machine, until } from '../acceptance/rig.ts';
import { copyPackage } from '../faults/patched-copy.ts';
import { messagesIn, natsServer } from './nats-rig.ts';
import { CountingWebhook, holesIn, positionsIn } from './receivers.ts';

const KILLS = 20;
let dir: string;
let hook: CountingWebhook;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hf-sinks-'));
  hook = new CountingWebhook();
});
afterEach(async () => {
  await hook.close();
  rmSync(dir, { recursive: true });
});

function sinksFile(sinks: readonly SinkInput[]): string {
  const path = join(dir, 'sinks.json');
  writeFileSync(path, JSON.stringify({ sinks }));
  return path;
}

/** Commands that are refused make two events each; what a killed agent does not answer is nobody's business. */
async function keepBusy(agent: Orchestrator, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const calls = Array.from({ length: 8 }, () => agent.gc().catch((error: unknown) => error));
    const failed = (await Promise.all(calls)).some((one) => HoldfastError.is(one));
    if (failed) return;
  }
}

async function killAgain(machine: Machine, file: string, kills: number): Promise<number> {
  for (let kill = 0; kill < kills; kill += 1) {
    const agent = await machine.startAgent('--sinks', file);
    const ends = new AbortController();
    const busy = keepBusy(agent, ends.signal);
    await delay(100 + Math.floor(Math.random() * 200));
    await machine.killAgent();
    ends.abort();
    await busy;
    await agent.close();
  }
  const agent = await machine.startAgent('--sinks', file);
  // What was appended before it was asked is meant.
  const { head } = await agent.agent();
  await until('the sinks to have everything', async () => {
    const { sinks } = await agent.agent();
    return sinks.every(({ position }) => position >= head);
  });
  await agent.close();
  await machine.killAgent();
  return head;
}

describe('events of an agent that is killed again and again', () => {
  it(
    'are all at a webhook, and each once in a file',
    async () => {
      const machine = new Machine();
      try {
        hook.losesEvery = 7;
        const path = join(dir, 'events.ndjson');
        const file = sinksFile([
          { type: 'webhook', name: 'hook', url: await hook.listen(), start: 'oldest' },
          { type: 'file', name: 'file', path, start: 'oldest', maxFileSizeMb: 1, maxFiles: 50 },
        ]);
        const head = await killAgain(machine, file, KILLS);
        expect(head).toBeGreaterThan(KILLS * 10);
        expect(holesIn(hook.got, head)).toEqual([]);
        const written = positionsIn(path, 50);
        expect(written.slice(0, head)).toEqual(Array.from({ length: head }, (_, at) => at + 1));
        expect(new Set(written).size).toBe(written.length);
      } finally {
        await machine.scrap();
      }
    },
    5 * 60_000,
  );

  it(
    'are each once in a stream of NATS, which is killed too',
    async (test) => {
      const nats = await natsServer(dir);
      if (nats === undefined) return test.skip('there is no nats-server, or no client for it');
      const machine = new Machine();
      try {
        const file = sinksFile([
          {
            type: 'nats',
            name: 'nats',
            servers: [nats.url],
            createStream: true,
            start: 'oldest',
            timeout: '2s',
          },
        ]);
        const restarts = nats.killAgain(3_000);
        const head = await killAgain(machine, file, KILLS);
        await restarts.end();
        const stored = await messagesIn(nats.url, 'HOLDFAST');
        expect(stored.slice(0, head)).toEqual(Array.from({ length: head }, (_, at) => at + 1));
        expect(new Set(stored).size).toBe(stored.length);
      } finally {
        await machine.scrap();
        await nats.close();
      }
    },
    5 * 60_000,
  );

  it(
    'are lost by one that moves its place before it is told that they are there',
    async () => {
      const early = {
        file: 'src/sinks/pump.ts',
        find: 'await sink.send(batch.events, signal);',
        replace:
          'this.#place.advance(batch.through); this.#place.write(); await sink.send(batch.events, signal);',
      };
      copyPackage(join(dir, 'copy'), [early]);
      const machine = new Machine(join(dir, 'copy/bin/holdfast'));
      try {
        const url = await hook.listen();
        const file = sinksFile([{ type: 'webhook', name: 'hook', url, start: 'oldest' }]);
        const head = await killAgain(machine, file, KILLS);
        expect(holesIn(hook.got, head)).not.toEqual([]);
      } finally {
        await machine.scrap();
      }
    },
    5 * 60_000,
  );
});

describe('a receiver that is away', () => {
  it('costs nobody anything, is told, and gets everything when it is back', async () => {
    const machine = new Machine();
    try {
      hook.isDown = true;
      hook.takesMs = 0;
      const url = await hook.listen();
      const file = sinksFile([{ type: 'webhook', name: 'hook', url, start: 'oldest' }]);
      const agent = await machine.startAgent('--sinks', file);
      await until('a first failure', () => hook.requests > 0);
      const ends = new AbortController();
      const busy = keepBusy(agent, ends.signal);
      await until('a thousand events', async () => (await agent.agent()).head > 1_000);
      ends.abort();
      await busy;
      const { sinks } = await agent.agent();
      expect(sinks[0]).toMatchObject({ name: 'hook', state: 'failing', position: 0, sent: 0 });
      expect(sinks[0]?.lag).toBeGreaterThan(1_000);
      expect(machine.holdfast('sinks').stdout).toMatch(/hook +webhook +failing +0 +\d{4}/);
      expect(machine.holdfast('doctor').stdout).toMatch(/sinks .*hook does not take events/);
      hook.isDown = false;
      const { head } = await agent.agent();
      await until('it to have all', () => new Set(hook.got).size >= head);
      expect(hook.got.slice(0, head)).toEqual(Array.from({ length: head }, (_, at) => at + 1));
      await agent.close();
    } finally {
      await machine.scrap();
    }
  }, 120_000);
});
