/** The stream of events in each form. */
import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeAnswer } from '../../src/http/answer.ts';
import { HoldfastError } from '../../src/errors.ts';
import { STORE_ID } from '../client/fake-orchestrator.ts';
import { httpRig, type HttpRig } from './http-rig.ts';
import { subscribe, type Subscriber } from './subscriber.ts';
import type { PublicEvent } from '../../src/api.ts';

const WEB = { alloc: 'web', allocId: 'web-1' };
const NDJSON = 'application/x-ndjson';
const SSE = 'text/event-stream';

let rig: HttpRig;
beforeEach(async () => {
  rig = await httpRig({ heartbeatMs: 20 });
  rig.fake.add('AgentStarted', { data: { version: '1' } });
  rig.fake.add('AllocReceived', WEB);
  rig.fake.add('TaskStarted', { ...WEB, task: 'api', run: 1, data: { text: 'line\nline é' } });
});
afterEach(() => rig[Symbol.asyncDispose]());

const listen = (
  path: string,
  accept: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Subscriber> => {
  const headers = { accept, authorization: `Bearer ${rig.token}`, ...more };
  return subscribe(rig.service.port, path, headers, accept === SSE ? '\n\n' : '\n');
};
const take = async (from: Subscriber, count: number): Promise<string[]> => {
  const all: string[] = [];
  while (all.length < count) {
    const piece = await from.next();
    if (piece === undefined) break;
    if (!piece.includes('bookmark')) all.push(piece);
  }
  return all;
};
const lines = async (path: string): Promise<PublicEvent[]> => {
  const { text } = await rig.call(`GET ${path}`, { headers: { accept: NDJSON } });
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as PublicEvent]));
};

describe('as lines of JSON', () => {
  it('is what subscribers in process see, to the head and no further', async () => {
    expect(await lines('/v1/events?follow=false')).toEqual(rig.fake.log);
  });

  it('begins behind a position, of an alloc, with some types', async () => {
    const positions = async (query: string): Promise<number[]> =>
      (await lines(`/v1/events?follow=false&${query}`)).map(({ position }) => position);
    expect(await positions('after=2')).toEqual([3]);
    expect(await positions(`after=${STORE_ID}:1`)).toEqual([2, 3]);
    expect(await positions('after=now')).toEqual([]);
    expect(await positions('alloc=web')).toEqual([2, 3]);
    expect(await positions('types=AgentStarted,TaskStarted')).toEqual([1, 3]);
  });

  it('goes on with what comes, and says where it is when nothing does', async () => {
    const heard = await listen('/v1/events?after=now', NDJSON);
    expect(JSON.parse((await heard.next()) ?? '')).toEqual({
      type: 'bookmark',
      storeId: STORE_ID,
      position: 3,
    });
    rig.fake.add('HostStarted');
    const [line = ''] = await take(heard, 1);
    expect(JSON.parse(line)).toMatchObject({ position: 4, type: 'HostStarted' });
    heard.leave();
  });

  it('says as its last word why it ends', async () => {
    const { fake } = rig;
    fake.events = async function* () {
      yield fake.log[0] as PublicEvent;
      await new Promise((resolve) => setTimeout(resolve, 80));
      throw new HoldfastError('POSITION_COMPACTED', 'gone', { details: { oldest: 17 } });
    };
    const last = (await take(await listen('/v1/events', NDJSON), 3)).at(-1) ?? '';
    const error = { code: 'POSITION_COMPACTED', details: { oldest: 17 } };
    expect(JSON.parse(last)).toMatchObject({ type: 'error', error });
  });

  it.each([
    ['after=99', 409, 'POSITION_AHEAD'],
    ['after=-1', 400, 'USAGE'],
    ['after=one', 400, 'USAGE'],
    ['types=a&nothing=1', 400, 'USAGE'],
  ])('answers %s with a status and a code at once', async (query, status, code) => {
    const heard = await rig.call(`GET /v1/events?${query}`);
    expect([heard.status, heard.json]).toMatchObject([status, { error: { code } }]);
  });
});

describe('as server-sent events', () => {
  it('has the store and the position as its id, and goes on from the last one', async () => {
    const first = await listen('/v1/events', SSE);
    expect(first.type).toBe(SSE);
    const [greeting, one = ''] = await take(first, 2);
    expect(greeting).toBe('retry: 1000');
    const [id, type, text = ''] = one.split('\n');
    expect([id, type]).toEqual([`id: ${STORE_ID}:1`, 'event: AgentStarted']);
    expect(JSON.parse(text.replace('data: ', ''))).toEqual(rig.fake.log[0]);
    first.leave();
    const resumed = { 'last-event-id': `${STORE_ID}:2` };
    const second = await listen('/v1/events?after=0', SSE, resumed);
    const [, three = ''] = await take(second, 2);
    expect(three.split('\n')[0]).toBe(`id: ${STORE_ID}:3`);
    second.leave();
  });

  it('keeps the id of who hears nothing but bookmarks', async () => {
    const heard = await listen('/v1/events?after=2&types=Nothing', SSE);
    const pieces = [await heard.next(), await heard.next()];
    expect(pieces[1]?.split('\n').slice(0, 2)).toEqual([`id: ${STORE_ID}:2`, 'event: bookmark']);
    heard.leave();
  });
});

describe('as CloudEvents', () => {
  const check = (event: Record<string, unknown>): void => {
    expect(event).toMatchObject({ specversion: '1.0', datacontenttype: 'application/json' });
    for (const name of ['id', 'source', 'type']) expect(event[name]).toMatch(/./);
    expect(Object.keys(event).filter((name) => !/^[a-z0-9]{1,20}$/.test(name))).toEqual([]);
    expect(new Date(String(event['time'])).toISOString()).toBe(event['time']);
  };

  it('has one a line', async () => {
    const heard = await listen('/v1/events?follow=false', 'application/cloudevents+json');
    const all = (await take(heard, 9)).map((line) => JSON.parse(line) as Record<string, unknown>);
    all.forEach(check);
    expect(all.map(({ type, subject }) => [type, subject])).toEqual([
      ['holdfast.node.agent-started', undefined],
      ['holdfast.alloc.received', 'web'],
      ['holdfast.task.started', 'web/api'],
    ]);
    expect(all[2]).toMatchObject({
      id: `${STORE_ID}/3`,
      source: `/holdfast/fake/${STORE_ID}`,
      sequence: '00000000000000000003',
      allocid: 'web-1',
      run: 1,
      data: { text: 'line\nline é' },
    });
  });

  it('has all that there are as one array, also none', async () => {
    const accept = { accept: 'application/cloudevents-batch+json' };
    const batch = await rig.call('GET /v1/events', { headers: accept });
    const all = JSON.parse(batch.text) as Record<string, unknown>[];
    all.forEach(check);
    expect(all).toHaveLength(3);
    const none = await rig.call('GET /v1/events?after=3', { headers: accept });
    expect(JSON.parse(none.text)).toEqual([]);
  });
});

describe('in the lines of Nomad', () => {
  it('begins with a heartbeat, from an index on, with a topic', async () => {
    const heard = await listen('/v1/event/stream?index=2&topic=Allocation:web', 'any');
    expect(await heard.next()).toBe('{}');
    const [created, updated] = [await heard.next(), await heard.next()].map(
      (line) => JSON.parse(line ?? '') as { Index: number; Events: Record<string, unknown>[] },
    );
    expect(created).toMatchObject({
      Index: 2,
      Events: [{ Topic: 'Allocation', Type: 'AllocationCreated', Key: 'web-1', Index: 2 }],
    });
    const Allocation = { ID: 'web-1', JobID: 'web', NodeID: 'fake', ModifyIndex: 3 };
    const Payload = { Allocation, Task: 'api', Event: 'TaskStarted' };
    expect(updated?.Events[0]).toMatchObject({ Type: 'AllocationUpdated', Payload });
    expect(await heard.next()).toBe('{}');
    heard.leave();
  });

  it('refuses a topic with two keys, and a position that was never there', async () => {
    expect((await rig.call('GET /v1/event/stream?topic=a:b:c')).status).toBe(400);
    expect((await rig.call('GET /v1/event/stream?index=99')).status).toBe(409);
  });
});

it('a reader that stops costs at most 1 MiB, and gets everything when it goes on', async () => {
  let given = 0;
  const chunk = 'x'.repeat(32 * 1024);
  async function* chunks(): AsyncGenerator<string> {
    for (given = 0; given < 1_000; given += 1) yield chunk;
  }
  let response: ServerResponse | undefined;
  const server = createServer((_request, answer) => {
    response = answer;
    const stream = { type: NDJSON, chunks: chunks(), failed: () => '' };
    void writeAnswer(answer, { stream }, new AbortController().signal);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const waiting = await new Promise<NodeJS.ReadableStream>((resolve) => {
    request({ host: '127.0.0.1', port, agent: false }, resolve).end();
  });
  let before = -1;
  await expect.poll(() => [given === before, (before = given)][0], { interval: 100 }).toBe(true);
  expect(given).toBeLessThan(1_000);
  expect(response?.writableLength).toBeLessThanOrEqual(2 ** 20);
  let bytes = 0;
  for await (const part of waiting) bytes += part.length;
  expect(bytes).toBe(1_000 * chunk.length);
  server.close();
});

it('a caller that goes away ends what was read for it', async () => {
  let ended = 0;
  const { fake } = rig;
  const events = fake.events.bind(fake);
  fake.events = async function* (query) {
    try {
      yield* events(query);
    } finally {
      ended += 1;
    }
  };
  const heard = await listen('/v1/events', NDJSON);
  await take(heard, 3);
  heard.leave();
  await expect.poll(() => ended).toBe(1);
});
