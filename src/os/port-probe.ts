/** Whether a port of this machine can be had, found out by taking it for a moment. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { errnoOf } from '../errors.ts';
import { textOf } from './quiet-reads.ts';

/** `foreign`: no interface has the address. `unknown`: only others may try, such as with port 80. */
export type PortState = 'free' | 'taken' | 'foreign' | 'unknown';

/** Of TCP and UDP. `ip` left out: every address of the machine. */
export async function portState(port: number, ip?: string): Promise<PortState> {
  const found = await bothStates(port, ip ?? '::');
  if (ip === undefined && found === 'foreign') return bothStates(port, '0.0.0.0');
  return found;
}

async function bothStates(port: number, ip: string): Promise<PortState> {
  const state = await stateOf((done) => listen(port, ip, done));
  return state === 'free' ? stateOf((done) => bindUdp(port, ip, done)) : state;
}

type Done = (error?: unknown) => void;

function stateOf(attempt: (done: Done) => void): Promise<PortState> {
  return new Promise((resolve) => {
    attempt((error) => resolve(error === undefined ? 'free' : meaning(errnoOf(error))));
  });
}

function meaning(errno: string | undefined): PortState {
  if (errno === 'EADDRINUSE') return 'taken';
  // Without IPv6 there is no "::".
  if (errno === 'EADDRNOTAVAIL' || errno === 'EAFNOSUPPORT' || errno === 'EINVAL') return 'foreign';
  return 'unknown';
}

function listen(port: number, host: string, done: Done): void {
  const server = createServer();
  server.once('error', done);
  server.listen({ port, host, exclusive: true }, () => server.close(() => done()));
}

function bindUdp(port: number, address: string, done: Done): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.once('error', (error) => {
    socket.close();
    done(error);
  });
  socket.bind({ port, address, exclusive: true }, () => socket.close(() => done()));
}

/** The address that others reach this machine by: of the interface of the default route, else of any, else its own. */
export function mainAddress(): string {
  const interfaces = networkInterfaces();
  const ofRoute = interfaces[defaultInterface() ?? ''] ?? [];
  const others = Object.values(interfaces).flatMap((all) => all ?? []);
  const outward = [...ofRoute, ...others].filter(({ internal }) => !internal);
  const found = outward.find(({ family }) => family === 'IPv4') ?? outward[0];
  return found?.address ?? '127.0.0.1';
}

function defaultInterface(): string | undefined {
  const lines = textOf('/proc/net/route').split('\n').slice(1);
  return lines.map((line) => line.split('\t')).find(([, to]) => to === '00000000')?.[0];
}
