/**
 * Appends to a store as fast as it can and says what is durable, for ever: `log-writer.ts STORE_DIR SEED`. Every line it
 * writes is `STREAM VERSION TEXT` of an acknowledged event, or `compacted STREAM`. Now and then it removes a stream, and
 * closes and reopens the store.
 */
import { writeSync } from 'node:fs';
import type { EventLog } from '../../../src/log/event-log.ts';
import { openStore } from '../../../src/log/open-store.ts';
import { silentLogger } from '../../../src/ports.ts';
import { randomOf } from '../../machines/random-facts.ts';

const [dir = '', seed = '1'] = process.argv.slice(2);
const random = randomOf(Number(seed));
const STREAMS = 12;
let made = 0;
let names = Array.from({ length: STREAMS }, newName);

for (;;) {
  const { log, damage } = await openStore({ dir, logger: silentLogger });
  if (damage !== undefined) throw new Error(`a store without a fault is damaged: ${damage.reason}`);
  for (let round = 0; round < 40; round += 1) await oneRound(log);
  await log.close();
}

function newName(): string {
  made += 1;
  return `task/a${made}/web`;
}

async function oneRound(log: EventLog): Promise<void> {
  await Promise.all(names.filter(() => random() < 0.5).map((name) => appendTo(log, name)));
  if (random() > 0.1) return;
  const [oldest, ...others] = names;
  if (oldest === undefined || log.versionOf(oldest) === 0) return;
  // Said before it is done: whether it happened is then open, and both are right.
  say(`compacted ${oldest}`);
  await log.compact([oldest], 5);
  names = [...others, newName()];
}

async function appendTo(log: EventLog, stream: string): Promise<void> {
  const version = log.versionOf(stream) + 1;
  const message = `${stream} ${version} ${Math.floor(random() * 1e9)} ${'.'.repeat(random() * 900)}`;
  const data = { hook: 'task-dir', phase: 'prestart', message } as const;
  await log.append(stream, version - 1, [{ type: 'HookMessage', run: 1, at: version, data }]);
  say(message);
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
