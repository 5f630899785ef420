/** When an idle host may end by itself, and what it counts. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serveFrames } from '../../src/rpc/framed-server.ts';
import { reasonToEnd } from '../../src/rpc/host-main.ts';

const company = {
  busyWith: 0,
  isReplaceable: false,
  isFindable: true,
  connections: 0,
  idleForMs: 1e9,
};
const NOBODY = 'no agent has come for a minute';
const LOST = 'its directory was removed';

test.each([
  [{ idleForMs: 60_000 }, NOBODY],
  [{ idleForMs: 59_999 }, undefined],
  [{ connections: 1 }, undefined],
  [{ busyWith: 1 }, undefined],
  [{ busyWith: 1, isReplaceable: true }, undefined],
  [{ isFindable: false, connections: 1, idleForMs: 0 }, LOST],
  [{ isFindable: false, busyWith: 1 }, undefined],
  [{ isFindable: false, busyWith: 1, connections: 1, isReplaceable: true }, LOST],
])('a host that serves nobody, or cannot be found, ends when nothing is lost: %j', (facts, why) => {
  expect(reasonToEnd({ ...company, ...facts })).toBe(why);
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
