import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { mainAddress, portState } from '../../src/os/port-probe.ts';

describe('the state of a port', () => {
  it('is taken while somebody listens at any address, and free again afterwards', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await portState(port)).toBe('taken');
    expect(await portState(port, '127.0.0.1')).toBe('taken');
    expect(await portState(port, '127.0.0.2')).toBe('free');
    server.close();
    await once(server, 'close');
    expect(await portState(port)).toBe('free');
    expect(await portState(port)).toBe('free');
  });

  it('is taken when only UDP is used', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    expect(await portState(socket.address().port, '127.0.0.1')).toBe('taken');
    socket.close();
  });

  it('is foreign at an address that no interface has', async () => {
    expect(await portState(20_000, '192.0.2.77')).toBe('foreign');
  });
});

it('knows an address of this machine', () => {
  expect(isIP(mainAddress())).not.toBe(0);
});
