/** When an idle host may end by itself, and what it counts. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serveFrames } from '../../src/rpc/framed-server.ts';
import { isForsaken } from '../../src/rpc/host-main.ts';

test.each([
  [{ busyWith: 0, connections: 0, idleForMs: 60_000 }, true],
  [{ busyWith: 0, connections: 0, idleForMs: 59_999 }, false],
  [{ busyWith: 0, connections: 1, idleForMs: 1e9 }, false],
  [{ busyWith: 1, connections: 0, idleForMs: 1e9 }, false],
])('a host is forsaken with nothing to watch and no agent for a minute: %j', (company, is) => {
  expect(isForsaken(company)).toBe(is);
});

test('a listener counts who is connected', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hf-count-'));
  const listener = await serveFrames({ routes: new Map() }, join(dir, 'sock'));
  const socket = connect(listener.socket);
  await once(socket, 'connect');
  await expect.poll(() => listener.connections()).toBe(1);
  socket.destroy();
  await expect.poll(() => listener.connections()).toBe(0);
  await listener.close();
  rmSync(dir, { recursive: true });
});
