/** What a stream of NATS is to a sink, with a real server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsSink } from '../../src/sinks/nats-sink.ts';
import type { WrittenEvent } from '../../src/sinks/sink.ts';
import { readSinks } from '../../src/spec/read-sinks.ts';
import type { NatsConfig, SinkInput } from '../../src/spec/sink-schema.ts';
import { messagesIn, natsServer, type NatsServer } from './nats-rig.ts';

const NOT_HERE = 'there is no nats-server, or no client for it';
const never = new AbortController().signal;
let dir: string;
let nats: NatsServer | undefined;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hf-nats-'));
  nats = await natsServer(dir);
});
afterEach(async () => {
  await nats?.close();
  rmSync(dir, { recursive: true });
});

function sinkOf(more: Partial<Extract<SinkInput, { type: 'nats' }>> = {}, storeId = 's'): NatsSink {
  const url = nats?.url ?? '';
  const [config] = readSinks([{ type: 'nats', name: 'n', servers: [url], timeout: '2s', ...more }]);
  return new NatsSink(config as NatsConfig, { storeId, instanceId: 'me' });
}

const events = (...positions: number[]): WrittenEvent[] =>
  positions.map((position) => ({
    position,
    text: JSON.stringify({ position }),
    event: { alloc: 'web.1', allocId: 'a', task: null, type: 'AllocReceived' } as never,
  }));

it('a stream that is not there is told, and made when that is wanted', async (test) => {
  if (nats === undefined) return test.skip(NOT_HERE);
  const first = sinkOf();
  await expect(first.open(0)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('stream not found') as string,
  });
  await first.close();
  const second = sinkOf({ createStream: true });
  expect(await second.open(0)).toBe(0);
  await second.close();
  expect(await sinkOf({ createStream: true }).open(3)).toBe(3);
});

it('a stream says what it has, takes nothing twice, and knows one store from another', async (test) => {
  if (nats === undefined) return test.skip(NOT_HERE);
  const first = sinkOf({ createStream: true });
  await first.open(0);
  await first.send(events(1, 2, 5), never);
  await first.send(events(2, 5, 6), never);
  await first.close();
  expect(await messagesIn(nats.url, 'HOLDFAST')).toEqual([1, 2, 5, 6]);
  const again = sinkOf();
  expect(await again.open(2)).toBe(6);
  await again.close();
  const other = sinkOf({}, 'another');
  expect(await other.open(2)).toBe(2);
  await other.close();
});

it('a server that is gone is told, and so is one that goes', async (test) => {
  if (nats === undefined) return test.skip(NOT_HERE);
  const sink = sinkOf({ createStream: true });
  await sink.open(0);
  await nats.close();
  await expect(sink.send(events(1), never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await sink.close();
  await expect(sinkOf().open(0)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  nats = undefined;
});
