/** A host's end: answers calls that come as frames over a unix socket. */
import { createServer, type Server, type Socket } from 'node:net';
import { HoldfastError, messageOf } from '../errors.ts';
import { FrameSocket } from './frame-socket.ts';
import type { Handlers, Method } from './method.ts';
import { ServedCalls } from './served-calls.ts';
import { type Listener, publishSocket } from './unix-socket.ts';

/** One method and what answers it, its types forgotten. */
export interface Route {
  readonly method: Method<unknown, unknown>;
  readonly handler: (request: unknown, signal: AbortSignal) => unknown;
}

export interface FramedService {
  /** By the method's path. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Hears of every call that comes. */
  readonly onCall?: () => void;
}

export interface FramedListener extends Listener {
  /** How many are connected now. */
  connections(): number;
}

export function framedService<Table extends Readonly<Record<keyof Table, object>>>(
  methods: Table,
  handlers: Handlers<Table>,
): FramedService {
  const table = methods as unknown as Readonly<Record<string, Route['method']>>;
  const answers = handlers as unknown as Readonly<Record<string, Route['handler']>>;
  const routes = new Map<string, Route>();
  for (const [name, method] of Object.entries(table)) {
    const handler = answers[name];
    if (handler !== undefined) routes.set(method.path, { method, handler });
  }
  return { routes };
}

/** Listens as `publishSocket` says. Throws DATA_DIR_REFUSED for a long path, UNAVAILABLE when the kernel refuses. */
export async function serveFrames(service: FramedService, socket: string): Promise<FramedListener> {
  const open = new Map<FrameSocket, ServedCalls>();
  const server = createServer((accepted) => accept(accepted, service, open));
  const unpublish = await publishSocket(socket, (temporary) => bind(server, temporary));
  let closed: Promise<void> | undefined;
  return {
    socket,
    connections: () => open.size,
    close: (graceMs = 0) => (closed ??= close(server, open, unpublish, graceMs)),
  };
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new HoldfastError('UNAVAILABLE', messageOf(cause), { cause })),
    );
    server.listen(path, resolve);
  });
}

function accept(
  accepted: Socket,
  service: FramedService,
  open: Map<FrameSocket, ServedCalls>,
): void {
  const connection = new FrameSocket(accepted, {
    onFrame: (frame) => calls.onFrame(frame),
    onBroken: () => {
      open.delete(connection);
      calls.abort();
    },
  });
  const calls = new ServedCalls(service, (frame) => connection.send(frame));
  open.set(connection, calls);
}

async function close(
  server: Server,
  open: ReadonlyMap<FrameSocket, ServedCalls>,
  unpublish: () => void,
  graceMs: number,
): Promise<void> {
  unpublish();
  const ended = new Promise<void>((resolve) => server.close(() => resolve()));
  const cut = setTimeout(() => {
    for (const connection of open.keys()) connection.destroy();
  }, graceMs);
  for (const [connection, calls] of open) void calls.finish().then(() => connection.end());
  await ended;
  clearTimeout(cut);
}
