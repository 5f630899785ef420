/** Every operation of the interface as JSON, and what is answered to what makes no sense. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import { GROUP, httpRig, type HttpRig } from './http-rig.ts';

let rig: HttpRig;
beforeEach(async () => {
  rig = await httpRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

const run = () => rig.call('POST /v1/allocs', { body: { spec: GROUP } });

describe('what is looked at', () => {
  it('is the same JSON as the view in process', async () => {
    await run();
    const all = await rig.call('GET /v1/allocs');
    expect(all.json).toEqual(await rig.fake.allocs());
    expect((await rig.call('GET /v1/allocs/web')).json).toEqual(await rig.fake.inspect('web'));
    expect((await rig.call('GET /v1/allocs/web/tasks/api')).json).toMatchObject({ task: 'api' });
    expect((await rig.call('GET /v1/agent')).json).toEqual(await rig.fake.agent());
    expect((await rig.call('GET /v1/recovery')).json).toEqual(rig.fake.recovery);
    expect((await rig.call('GET /v1/services')).json).toEqual(rig.fake.healthOfAll);
    expect(all.headers['holdfast-store-id']).toBe('store-of-the-fake');
  });

  it('is looked at as of a position', async () => {
    await run();
    expect((await rig.call('GET /v1/allocs/web?at=1')).json).toMatchObject({ position: 1 });
  });

  it('has a past', async () => {
    await run();
    const { json } = await rig.call('GET /v1/allocs/web/history');
    expect(json).toEqual(await rig.fake.history('web'));
    expect((await rig.call('GET /v1/allocs/web/tasks/api/why')).status).toBe(200);
    expect((await rig.call('GET /v1/allocs/web/tasks/api/nomad-events')).status).toBe(200);
    expect((await rig.call('GET /v1/allocs/web/tasks/api/env')).json).toMatchObject({ run: 1 });
  });

  it('may be waited for', async () => {
    await run();
    const waiting = rig.call('GET /v1/allocs/web/tasks/api/wait');
    await rig.fake.end('web', 'complete', 0);
    expect((await waiting).json).toMatchObject({ state: 'complete', exitCode: 0 });
  });
});

describe('what is done', () => {
  it('is run, with what a scheduler says beside the group', async () => {
    const body = { spec: GROUP, allocId: 'a-1', identity: { jobId: 'j' }, ifVersion: 0 };
    const headers = { 'idempotency-key': '0b1f8f3e-58f0-4bd1-9f0e-5f4a6a3f1c11' };
    const { status, json } = await rig.call('POST /v1/allocs', { body, headers });
    expect([status, json]).toEqual([200, { alloc: 'web', allocId: 'a-1' }]);
    expect(rig.fake.requestIds).toEqual(['0b1f8f3e-58f0-4bd1-9f0e-5f4a6a3f1c11']);
    expect(rig.fake.identities).toEqual([{ jobId: 'j' }]);
  });

  it('is planned, restarted, resumed, signalled, stopped and let go of', async () => {
    expect((await rig.call('POST /v1/plan', { body: { spec: GROUP } })).json).toMatchObject({
      action: 'create',
    });
    await run();
    const answers = [
      await rig.call('POST /v1/allocs/web/restart', { body: { tasks: 'all' } }),
      await rig.call('POST /v1/allocs/web/tasks/api/restart'),
      await rig.call('POST /v1/allocs/web/tasks/api/resume'),
      await rig.call('POST /v1/allocs/web/signal', { body: { signal: 'SIGHUP' } }),
      await rig.call('DELETE /v1/allocs/web?dryRun=true'),
      await rig.call('POST /v1/gc', { body: { all: true } }),
      await rig.call('POST /v1/allocs/web/stop', { body: { reason: 'r', shutdownDelay: 'skip' } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204, 200, 200, 200]);
    expect(rig.fake.calls).toEqual([
      'restart all of web',
      'restart web/api',
      'resume web/api',
      'signal web SIGHUP',
      'gc web false true',
      'gc - true false',
      'hurry web',
    ]);
    expect(answers.at(-1)?.json).toMatchObject({ state: 'stopped', reason: 'r' });
  });

  it('ends the agent after the answer', async () => {
    let hasEnded = 0;
    await using own = await httpRig({ onShutdown: () => (hasEnded += 1) });
    const { status } = await own.call('POST /v1/agent/shutdown', { body: { tasks: 'leave' } });
    expect([status, own.fake.closed]).toEqual([204, 'leave']);
    await expect.poll(() => hasEnded).toBe(1);
  });
});

describe('what is wrong', () => {
  it('is told with the code, the status of the code and its facts', async () => {
    await rig.call('POST /v1/allocs', { body: { spec: GROUP, allocId: 'a-1' } });
    await rig.call('POST /v1/allocs', { body: { spec: GROUP, allocId: 'a-2' } });
    const { status, json } = await rig.call('GET /v1/allocs/a-');
    expect(status).toBe(409);
    const matches = ['a-1', 'a-2'];
    const message = 'a- may be a-1 or a-2';
    const error = { code: 'AMBIGUOUS', message, retryable: false, details: { matches } };
    expect(json).toEqual({ error });
  });

  it.each([
    ['GET /v1/allocs/none', undefined, 404, 'NOT_FOUND'],
    ['GET /v1/nothing', undefined, 404, 'NOT_FOUND'],
    ['GET /v1/allocs/%zz', undefined, 404, 'NOT_FOUND'],
    ['GET /v1/allocs/a%2Fb', undefined, 404, 'NOT_FOUND'],
    ['GET /v1/allocs//tasks/x', undefined, 404, 'NOT_FOUND'],
    ['DELETE /v1/allocs', undefined, 405, 'USAGE'],
    ['GET /v1/allocs?al=true', undefined, 400, 'USAGE'],
    ['GET /v1/allocs?all=yes', undefined, 400, 'USAGE'],
    ['GET /v1/allocs?all=true&all=true', undefined, 400, 'USAGE'],
    ['GET /v1/allocs/web?at=-1', undefined, 400, 'USAGE'],
    ['POST /v1/allocs', {}, 400, 'USAGE'],
    ['POST /v1/allocs', [], 400, 'USAGE'],
    ['POST /v1/allocs', { spec: 7 }, 400, 'USAGE'],
    ['POST /v1/allocs', { spec: GROUP, payload: '?' }, 400, 'USAGE'],
    ['POST /v1/allocs', { spec: { name: 'web' } }, 400, 'SPEC_INVALID'],
    ['POST /v1/allocs', { spec: GROUP, toString: 1 }, 400, 'USAGE'],
    ['POST /v1/allocs/web/signal', {}, 400, 'USAGE'],
    ['POST /v1/allocs/web/restart', { tasks: 'some' }, 400, 'USAGE'],
  ])('%s with %j is %i %s', async (at, body, status, code) => {
    const heard = await rig.call(at, body === undefined ? {} : { body });
    expect([heard.status, heard.json]).toEqual([
      status,
      { error: expect.objectContaining({ code, message: expect.any(String) }) as never },
    ]);
    if (status === 405) expect(heard.headers.allow).toBe('GET, POST');
  });

  it('is a body of another type, one that is no JSON, and one that is too large', async () => {
    const type = { 'content-type': 'text/plain' };
    expect((await rig.call('POST /v1/gc', { body: {}, headers: type })).status).toBe(415);
    const auth = `authorization: Bearer ${rig.token}\r\nhost: localhost\r\n`;
    const head = `POST /v1/gc HTTP/1.1\r\n${auth}content-type: application/json\r\n`;
    const bad = await rig.raw(`${head}connection: close\r\ncontent-length: 1\r\n\r\n{`);
    expect(bad).toMatch(/^HTTP\/1.1 400 .*the body is not JSON/s);
    const large = await rig.raw(`${head}content-length: 3000000\r\n\r\n${'x'.repeat(2 ** 21)}`);
    expect(large.slice(0, 12)).toMatch(/^(HTTP\/1.1 413)?$/);
    expect(rig.fake.calls).toEqual([]);
  });

  it('is never told with a stack, nor a bug with its words', async () => {
    const bug = new Error('secret /path');
    rig.fake.allocs = () => Promise.reject(bug);
    const { status, text } = await rig.call('GET /v1/allocs');
    expect(status).toBe(500);
    expect(text).toContain('INTERNAL');
    expect(text).not.toContain('secret');
    expect(text).not.toContain('    at ');
  });

  it('says after which time to ask again, where that is known', async () => {
    rig.fake.allocs = () => Promise.reject(new HoldfastError('STORE_FAILED', 'full'));
    const { status, json } = await rig.call('GET /v1/allocs');
    expect([status, json]).toMatchObject([503, { error: { retryable: true } }]);
  });
});

describe('health', () => {
  it('is told without a token, and nothing else with it', async () => {
    const live = await rig.call('GET /v1/health/live', { token: '' });
    expect([live.status, live.json]).toEqual([200, { status: 'ok' }]);
    const ready = await rig.call('GET /v1/health/ready', { token: '' });
    expect([ready.status, ready.json]).toEqual([200, { status: 'ok' }]);
  });

  it('is not ready without a driver, or when the log has failed', async () => {
    const view = await rig.fake.agent();
    rig.fake.agent = async () => ({ ...view, drivers: [] });
    const reason = 'no driver is healthy';
    const none = await rig.call('GET /v1/health/ready');
    expect([none.status, none.json]).toEqual([503, { status: 'not ready', reason }]);
    rig.fake.agent = () => Promise.reject(new HoldfastError('STORE_FAILED', '/path'));
    expect((await rig.call('GET /v1/health/ready')).json).toMatchObject({ reason: 'STORE_FAILED' });
  });
});

it('ends in order: who waits is let go, and nobody new is heard', async () => {
  await run();
  const waiting = rig.call('GET /v1/allocs/web/wait');
  await rig.call('GET /v1/agent');
  await rig.service.close();
  expect((await waiting).json).toMatchObject({ error: { code: 'ABORTED' } });
  await expect(rig.call('GET /v1/agent')).rejects.toThrow();
});
