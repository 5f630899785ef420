/** What is asked of a command while there is no agent reaches it by the next one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ExecChunk } from '../../src/api.ts';
import { ExecRelay } from '../../src/cli/exec-relay.ts';
import { connectOrchestrator } from '../../src/client/connect-orchestrator.ts';
import { HoldfastError } from '../../src/errors.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';
import { serveAgent } from '../../src/server/agent-service.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';
import { FakeSession } from '../client/fake-session.ts';

/** Of an agent that ends when the test says so. */
class LostSession extends FakeSession {
  readonly #loss = Promise.withResolvers<never>();

  override get output(): AsyncIterable<ExecChunk> {
    return { [Symbol.asyncIterator]: () => ({ next: () => this.#loss.promise }) };
  }
  lose(): void {
    this.#loss.reject(new HoldfastError('UNAVAILABLE', 'the agent is gone'));
  }
}

let dataDir: string;
let next: FakeOrchestrator;
let listener: Listener | undefined;

beforeEach(async () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-relay-'));
  next = new FakeOrchestrator();
  await next.run({ name: 'job', tasks: [{ name: 'a', driver: 'raw_exec' }] });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await listener?.close(0);
  listener = undefined;
  rmSync(dataDir, { recursive: true });
});

it('tells the next agent of the size that a terminal got under one that is gone', async () => {
  const lost = new LostSession('job', 'a');
  await using relay = new ExecRelay(dataDir, new FakeOrchestrator(), lost);
  const exit = relay.pass(() => Promise.resolve());
  await relay.resize({ columns: 90, rows: 30 });
  await relay.resize({ columns: 100, rows: 40 });
  lost.lose();
  await next.exec('job', ['sh']);
  listener = await serveAgent({ orchestrator: next, dataDir });
  await vi.waitFor(() => expect(next.session?.calls).toEqual(['resize 100 40']), 5_000);
  await relay.end();
  expect(await exit).toMatchObject({ exitCode: 7 });
});

it('is refused by a session whose agent is gone, and not dropped', async () => {
  listener = await serveAgent({ orchestrator: next, dataDir });
  await using agent = await connectOrchestrator({ dataDir });
  const session = await agent.exec('job', ['sh']);
  const over = session.output[Symbol.asyncIterator]().next();
  await Promise.all([listener.close(0), expect(over).rejects.toThrow()]);
  await expect(session.resize({ columns: 1, rows: 1 })).rejects.toThrow();
  await expect(session.signal('SIGINT')).rejects.toThrow();
});
