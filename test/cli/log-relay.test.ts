/** Output is followed over a change of agents without a hole or a repeat. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { LogChunk, LogQuery } from '../../src/api.ts';
import { LogRelay } from '../../src/cli/log-relay.ts';
import { HoldfastError } from '../../src/errors.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';
import { serveAgent } from '../../src/server/agent-service.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';

let dataDir: string;
let next: FakeOrchestrator;
let listener: Listener | undefined;
beforeEach(() => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-relay-'));
  next = new FakeOrchestrator();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await listener?.close(0);
  listener = undefined;
  rmSync(dataDir, { recursive: true });
});

const chunk = (cursor: string, run: number): LogChunk => ({
  stream: 'stdout',
  data: Buffer.from(cursor),
  cursor,
  run,
  time: null,
});

/** Ends after one chunk, as an agent does that is stopped. */
class LostAgent extends FakeOrchestrator {
  readonly queries: LogQuery[] = [];

  override async *logs(_ref: string, query: LogQuery = {}): AsyncGenerator<LogChunk, void> {
    this.queries.push(query);
    yield chunk('1', 4);
    throw new HoldfastError('UNAVAILABLE', 'the agent is gone');
  }
}

it('goes on behind the last chunk with the next agent, of the same run', async () => {
  await next.run({ name: 'web', tasks: [{ name: 'a', driver: 'raw_exec' }] });
  next.output.set('web/a', [chunk('1', 4), chunk('2', 4)]);
  await using relay = new LogRelay(dataDir, new LostAgent());
  const left = new AbortController();
  const seen: string[] = [];
  listener = await serveAgent({ orchestrator: next, dataDir });
  const query = { follow: true, run: 'last', tail: 3, signal: left.signal } as const;
  for await (const { cursor } of relay.logs('web/a', query)) {
    seen.push(cursor);
    if (cursor === '2') left.abort();
  }
  expect(seen).toEqual(['1', '2']);
  const asked = next.calls.map((call) => JSON.parse(call.replace(/^logs /, '')) as unknown);
  expect(asked).toMatchObject([{ follow: true, run: 4, after: '1' }]);
});

it('ends with the loss where nothing is followed', async () => {
  await using relay = new LogRelay(dataDir, new LostAgent());
  const chunks = relay.logs('web/a', {});
  await chunks.next();
  await expect(chunks.next()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
