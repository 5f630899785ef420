/** Probes of programs in networks of their own: a real namespace, with another server at the same port of the machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { httpProbe } from '../../../src/hooks/checks/http-probe.ts';
import type { Place } from '../../../src/hooks/checks/places.ts';
import { tcpProbe } from '../../../src/hooks/checks/tcp-probe.ts';
import { socketIn } from '../../../src/os/namespace-socket.ts';
import type { HttpProbe } from '../../../src/spec/check-spec.ts';
import { noNetworksBecause, sh } from '../../acceptance/network-rig.ts';

const obstacle = noNetworksBecause();
const never = new AbortController().signal;
const NAME = `hf-test-${process.pid}-in`;
const PATH = `/run/netns/${NAME}`;
const SERVER = `require('node:http').createServer((asked, answer) => answer.end('the group'))
  .listen(Number(process.argv[1]), '127.0.0.1', () => console.log('up'));`;

async function answering(port: number): Promise<() => void> {
  const argv = [`--net=${PATH}`, process.execPath, '-e', SERVER, String(port)];
  const child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return () => void child.kill('SIGKILL');
}

describe.skipIf(obstacle)(
  `a check of a port in a network of its own (${obstacle ?? 'here'})`,
  () => {
    const machines = createServer((_asked, answer) => answer.end('the machine'));
    let place: Place;
    beforeEach(async () => {
      sh(`ip netns add ${NAME} && ip -n ${NAME} link set lo up`);
      machines.listen(0, '127.0.0.1');
      await once(machines, 'listening');
      const { port } = machines.address() as AddressInfo;
      place = { address: '127.0.0.1', port, openSocket: () => socketIn(PATH) };
    });
    afterEach(async () => {
      machines.closeAllConnections();
      machines.close();
      await once(machines, 'close');
      sh(`ip netns del ${NAME}`);
    });

    const WISH: HttpProbe = { type: 'http', port: 0, protocol: 'http', method: 'GET', path: '/' };
    const asked = () => ({ headers: {}, body: undefined });

    it('reaches what listens there, and nothing that the machine has at that port', async () => {
      const http = httpProbe(WISH, { place, path: '/', asked });
      const own = readlinkSync('/proc/self/ns/net');
      await expect(http(never)).rejects.toThrow('ECONNREFUSED');
      await expect(tcpProbe(place)(never)).rejects.toThrow('ECONNREFUSED');
      const end = await answering(place.port);
      expect(await http(never)).toMatchObject({ output: expect.stringContaining('the group') });
      expect(await tcpProbe(place)(never)).toMatchObject({ status: 'passing' });
      end();
      expect(readlinkSync('/proc/self/ns/net')).toBe(own);
      const here = httpProbe(WISH, {
        place: { ...place, openSocket: () => undefined },
        path: '/',
        asked,
      });
      expect(await here(never)).toMatchObject({ output: expect.stringContaining('the machine') });
    });

    it('leaves no descriptor behind, however it ends', async () => {
      const left = new AbortController();
      left.abort(new Error('left'));
      const count = (): number => readdirSync('/proc/self/fd').length;
      const before = count();
      for (let round = 0; round < 20; round += 1) {
        await expect(tcpProbe(place)(never)).rejects.toThrow('ECONNREFUSED');
        await expect(tcpProbe(place)(left.signal)).rejects.toThrow('left');
        await expect(httpProbe(WISH, { place, path: '/', asked })(left.signal)).rejects.toThrow();
      }
      // One of what ran before may be closed meanwhile.
      await vi.waitFor(() => expect(count()).toBeLessThanOrEqual(before));
    });

    it('says nothing of the program where the network is gone', async () => {
      const gone = { ...place, openSocket: () => socketIn('/run/netns/hf-test-none') };
      const unavailable = { code: 'UNAVAILABLE', message: expect.stringContaining('ENOENT') };
      await expect(tcpProbe(gone)(never)).rejects.toMatchObject(unavailable);
      await expect(httpProbe(WISH, { place: gone, path: '/', asked })(never)).rejects.toMatchObject(
        unavailable,
      );
      const none = { ...place, openSocket: () => socketIn('/proc/self/ns/mnt') };
      await expect(tcpProbe(none)(never)).rejects.toMatchObject({
        message: expect.stringContaining('EINVAL'),
      });
    });
  },
);
