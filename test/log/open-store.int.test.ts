import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { openStore } from '../../src/log/open-store.ts';
import { silentLogger } from '../../src/ports.ts';
import { messages, WEB } from './events.ts';
import { freshDir } from './fresh-dir.ts';

const WRITER = `
  const [store, events, dir] = process.argv.slice(1);
  const { openStore } = await import(store);
  const { messages } = await import(events);
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const { log } = await openStore({ dir, logger });
  await Promise.all(Array.from({ length: 8 }, async (_, index) => {
    const stream = 'task/a1/t' + index;
    for (;;) {
      const [event] = await log.append(stream, log.versionOf(stream), messages(1));
      process.stdout.write(event.position + '\\n');
    }
  }));
`;

it('keeps every acknowledged event when its writer is killed by force, again and again', async () => {
  const dir = freshDir();
  const store = new URL('../../src/log/open-store.ts', import.meta.url).href;
  const events = new URL('./events.ts', import.meta.url).href;
  const storeIds = new Set<string>();
  for (let kill = 0; kill < 4; kill += 1) {
    const command = ['--input-type=module', '-e', WRITER, store, events, dir];
    const writer = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
    let acknowledged = 0;
    let seen = 0;
    for await (const line of createInterface({ input: writer.stdout })) {
      acknowledged = Math.max(acknowledged, Number(line));
      seen += 1;
      if (seen === 200 + kill * 37) writer.kill('SIGKILL');
    }
    if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
    const { log, damage } = await openStore({ dir, logger: silentLogger });
    storeIds.add(log.storeId);
    const positions = [...log.rows()].map((row) => row.position);
    expect(damage).toBeUndefined();
    expect(log.head).toBeGreaterThanOrEqual(acknowledged);
    expect(positions).toEqual(Array.from({ length: log.head }, (_, index) => index + 1));
    await log.append(WEB, log.versionOf(WEB), messages(1));
    await log.close();
  }
  expect(storeIds.size).toBe(1);
});
