/** Subscribers that are cut off again and again have every position once. */
import { expect, it } from 'vitest';
import { httpRig } from './http-rig.ts';
import { subscribe } from './subscriber.ts';

const FORMS = [
  ['application/x-ndjson', '\n'],
  ['text/event-stream', '\n\n'],
] as const;

it.each(FORMS)('500 cuts of %s lose nothing and repeat nothing', async (accept, end) => {
  await using rig = await httpRig();
  const { fake, service, token } = rig;
  for (let at = 0; at < 3_000; at += 1) fake.add('CheckChanged', { data: { at } });
  const seen: number[] = [];
  let cuts = 0;
  let chance = 7;
  while (seen.length < fake.log.length || cuts < 500) {
    chance = (chance * 1_103_515_245 + 12_345) % 2 ** 31;
    // Something comes while nobody listens, too.
    if (cuts % 50 === 0) fake.add('HostStarted');
    const last = seen.at(-1);
    const headers = { accept, authorization: `Bearer ${token}` };
    const id = last === undefined ? {} : { 'last-event-id': String(last) };
    const heard = await subscribe(service.port, '/v1/events', { ...headers, ...id }, end);
    for (let left = (chance >> 8) % 12; left > 0 && seen.length < fake.log.length; left -= 1) {
      const position = /"position":(\d+)/.exec((await heard.next()) ?? '')?.[1];
      if (position !== undefined) seen.push(Number(position));
    }
    heard.leave();
    cuts += 1;
  }
  expect(cuts).toBeGreaterThanOrEqual(500);
  expect(seen).toEqual(fake.log.map(({ position }) => position));
});
