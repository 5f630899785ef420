/** Programs that are not ours subscribe and read: they know the conventions, and nothing of this package. */
import { spawn } from 'node:child_process';
import { HTTP, type CloudEvent } from 'cloudevents';
import { EventSource } from 'eventsource';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { STORE_ID } from '../client/fake-orchestrator.ts';
import { httpRig, type HttpRig } from './http-rig.ts';

let rig: HttpRig;
beforeEach(async () => {
  rig = await httpRig();
  rig.fake.add('AgentStarted');
  rig.fake.add('TaskStarted', { alloc: 'web', allocId: 'w-1', task: 'api', run: 1 });
});
afterEach(() => rig[Symbol.asyncDispose]());

it('eventsource subscribes, and goes on where it was when it was cut off', async () => {
  const ids: string[] = [];
  const lastIds: (string | null)[] = [];
  const source = new EventSource(`${rig.service.url}/v1/events`, {
    fetch: (url, init) => {
      lastIds.push(new Headers(init.headers).get('last-event-id'));
      const headers = { ...init.headers, authorization: `Bearer ${rig.token}` };
      return fetch(url, { ...init, headers });
    },
  });
  for (const type of ['AgentStarted', 'TaskStarted', 'TaskExited']) {
    source.addEventListener(type, ({ lastEventId }) => ids.push(lastEventId));
  }
  await expect.poll(() => ids).toEqual([`${STORE_ID}:1`, `${STORE_ID}:2`]);
  await rig.service.close(100);
  rig.fake.add('TaskExited', { alloc: 'web', allocId: 'w-1', task: 'api', run: 1 });
  const { serveHttp } = await import('../../src/http/serve-http.ts');
  const { tokenDir, fake, service } = rig;
  const again = await serveHttp(fake, { port: service.port, tokenDir });
  await expect.poll(() => ids.at(-1), { timeout: 10_000 }).toBe(`${STORE_ID}:3`);
  expect(ids).toHaveLength(3);
  expect(lastIds.at(-1)).toBe(`${STORE_ID}:2`);
  source.close();
  await again.close(100);
});

it('the SDK of CloudEvents reads a batch and a line', async () => {
  const type = 'application/cloudevents-batch+json';
  const batch = await rig.call('GET /v1/events', { headers: { accept: type } });
  const read = (headers: Record<string, string>, body: string): CloudEvent[] =>
    [HTTP.toEvent({ headers, body })].flat() as CloudEvent[];
  const all = read({ 'content-type': type }, batch.text);
  expect(all.map((event) => [event.type, event.subject, event.validate()])).toEqual([
    ['holdfast.node.agent-started', undefined, true],
    ['holdfast.task.started', 'web/api', true],
  ]);
  const accept = 'application/cloudevents+json';
  const lines = await rig.call('GET /v1/events?follow=false', { headers: { accept } });
  const [first = ''] = lines.text.split('\n');
  const [one] = read({ 'content-type': accept }, first);
  expect([one?.type, one?.['sequence']]).toEqual([
    'holdfast.node.agent-started',
    '00000000000000000001',
  ]);
});

it('curl -N shows each event as it comes', async () => {
  const url = `${rig.service.url}/v1/events?after=1`;
  const child = spawn('curl', ['-sN', '-H', `Authorization: Bearer ${rig.token}`, url]);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const positions = (): number[] =>
    [...text.matchAll(/"position":(\d+)/g)].map((at) => Number(at[1]));
  await expect.poll(positions, { timeout: 10_000 }).toEqual([2]);
  rig.fake.add('HostStarted');
  await expect.poll(positions, { timeout: 10_000 }).toEqual([2, 3]);
  child.kill();
});
