import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isNear } from '../../../src/hooks/artifacts/near-address.ts';
import { fetched, place, serving } from './fetching.ts';

/** Of this machine as others reach it. */
const outer = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(
    ({ internal, family, address }) =>
      !internal && family === 'IPv4' && !address.startsWith('169.254.'),
  );

describe('an address near this machine', () => {
  it.each([
    '127.0.0.1',
    '127.9.9.9',
    'localhost',
    '0.0.0.0',
    '169.254.169.254',
    '[::1]',
    '[::]',
    '[fe80::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:a9fe:a9fe]',
    '[fd00:ec2::254]',
  ])('is %s', async (host) => {
    expect(await isNear(new URL(`http://${host}/`).hostname)).toBe(true);
  });

  it.each(['192.0.2.1', '10.0.0.1', '[2001:db8::1]', 'no-such-name.invalid'])(
    'is not %s',
    async (host) => {
      expect(await isNear(new URL(`http://${host}/`).hostname)).toBe(false);
    },
  );

  it('is known however it is written', async () => {
    for (const host of ['2130706433', '0x7f.1', '0177.0.0.1', '127.1']) {
      expect(await isNear(new URL(`http://${host}/`).hostname)).toBe(true);
    }
  });
});

describe.skipIf(outer === undefined)('a server elsewhere (needs an address of the machine)', () => {
  it('sends nobody to what only this machine reaches; whoever writes the group may ask there', async () => {
    const inner = await serving('of the machine alone');
    const server = createServer((_asked, answer) => {
      answer.writeHead(302, { location: `${inner.url}/x` }).end();
    }).listen(0, outer?.address);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const source = `http://${outer?.address}:${(server.address() as AddressInfo).port}/a`;
    const told = await fetched(place(), { source });
    expect(told).toMatch(/^HOOK_FAILED: .* redirects to .*, an address of this machine or of its/);
    expect(inner.asked).toHaveLength(0);
    expect(await fetched(place(), { source: `${inner.url}/x` })).toContain('fetched');
  });
});
