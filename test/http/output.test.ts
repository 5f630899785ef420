/** What tasks wrote and what they use, over HTTP. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createToken } from '../../src/http/tokens.ts';
import { HoldfastError } from '../../src/errors.ts';
import { GROUP, httpRig, type HttpRig } from './http-rig.ts';
import type { LogChunk, TaskStats } from '../../src/api.ts';

const LOGS = 'GET /v1/allocs/web/tasks/api/logs';
const NDJSON = { accept: 'application/x-ndjson' };
const SSE = { accept: 'text/event-stream' };

let rig: HttpRig;
beforeEach(async () => {
  rig = await httpRig({ heartbeatMs: 20 });
  await rig.call('POST /v1/allocs', { body: { spec: GROUP } });
  const time = '2026-01-02T03:04:05.678Z';
  const chunk = (stream: 'stdout' | 'stderr', data: Uint8Array, cursor: string): LogChunk => {
    return { stream, data, cursor, run: 1, time };
  };
  rig.fake.output.set('web/api', [
    chunk('stdout', Buffer.from('one é\n'), '1'),
    chunk('stderr', Buffer.from([0xff, 0x00, 0xfe]), '2'),
    { ...chunk('stdout', Buffer.alloc(0), '3'), gap: { reason: 'rotated', bytes: 7 } },
  ]);
});
afterEach(() => rig[Symbol.asyncDispose]());

const parsed = (text: string): unknown[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]));

describe('output', () => {
  it('is plain text, byte for byte', async () => {
    const { headers, text } = await rig.call(`${LOGS}?stream=stdout`);
    expect([headers['content-type'], text]).toEqual(['text/plain', 'one é\n']);
    expect((await rig.call('GET /v1/allocs/web/logs?stream=stdout')).text).toBe('one é\n');
  });

  it('is lines with what is known of each piece, and loses no byte', async () => {
    const { text } = await rig.call(LOGS, { headers: NDJSON });
    const facts = { run: 1, time: '2026-01-02T03:04:05.678Z' };
    expect(parsed(text)).toEqual([
      { ...facts, stream: 'stdout', cursor: '1', text: 'one é\n' },
      { ...facts, stream: 'stderr', cursor: '2', base64: '/wD+' },
      { ...facts, stream: 'stdout', cursor: '3', text: '', gap: { reason: 'rotated', bytes: 7 } },
    ]);
  });

  it('goes on behind the id of the last server-sent event', async () => {
    const { text } = await rig.call(LOGS, { headers: { ...SSE, 'last-event-id': '1' } });
    expect([...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id)).toEqual(['2', '3']);
  });

  it('is asked for as in process', async () => {
    const query = 'tail=5&run=last&since=2026-01-01T00:00:00Z&origin=end&offset=9&stream=both';
    await rig.call(`${LOGS}?${query}`);
    const since = '2026-01-01T00:00:00.000Z';
    const asked = { tail: 5, run: 'last', since, origin: 'end', offset: 9, stream: 'both' };
    expect(rig.fake.calls.at(-1)).toBe(`logs ${JSON.stringify(asked)}`);
  });

  it.each(['since=today', 'stream=in', 'run=0', 'tail=-1', 'follow=maybe'])(
    'of %s is refused',
    async (query) => {
      const { status, json } = await rig.call(`${LOGS}?${query}`);
      expect([status, json]).toMatchObject([400, { error: { code: 'USAGE' } }]);
    },
  );

  it('needs a scope of its own', async () => {
    const reader = createToken(rig.tokenDir, 'reader', ['read']);
    expect((await rig.call(LOGS, { token: reader })).status).toBe(403);
    const logs = createToken(rig.tokenDir, 'logs', ['logs']);
    expect((await rig.call(LOGS, { token: logs })).status).toBe(200);
  });

  it('as text that fails is broken off, so that nobody takes a part for the whole', async () => {
    const { fake } = rig;
    fake.logs = async function* () {
      yield fake.output.get('web/api')?.[0] as LogChunk;
      await new Promise((resolve) => setTimeout(resolve, 80));
      throw new HoldfastError('STORE_FAILED', 'no disk');
    };
    await expect(rig.call(LOGS)).rejects.toThrow('aborted');
    const { text } = await rig.call(LOGS, { headers: NDJSON });
    expect(parsed(text).at(-1)).toMatchObject({ type: 'error', error: { code: 'STORE_FAILED' } });
  });
});

describe('usage', () => {
  const sample = { alloc: 'web', allocId: 'id-of-web', task: 'api', run: 1 } as TaskStats;

  it('is a line for each sample, of a task, an alloc or everything', async () => {
    rig.fake.samples.push(sample, { ...sample, run: 2 });
    const task = await rig.call('GET /v1/allocs/web/tasks/api/stats?interval=250ms&processes=true');
    expect(parsed(task.text)).toEqual(rig.fake.samples);
    expect(rig.fake.calls.at(-1)).toBe('stats web/api 250 true');
    const alloc = await rig.call('GET /v1/allocs/web/stats', { headers: SSE });
    expect(alloc.text.match(/^event: sample$/gm)).toHaveLength(2);
    const all = await rig.call('GET /v1/stats?count=1');
    expect(parsed(all.text)).toEqual([sample]);
    expect(rig.fake.calls.at(-1)).toBe('stats undefined undefined undefined');
  });
});
