/** A group was accepted, and the answer never came: nobody may believe it was not, and asking again is no second one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runCommand } from '../../src/cli/run-command.ts';
import { connectOrchestrator } from '../../src/client/connect-orchestrator.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';
import { serveAgent } from '../../src/server/agent-service.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';

const group = { name: 'job', tasks: [{ name: 'a', driver: 'raw_exec' }] };

let dataDir: string;
let fake: FakeOrchestrator;
let listener: Listener;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-lost-'));
  fake = new FakeOrchestrator();
  listener = await serveAgent({ orchestrator: fake, dataDir });
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = 0;
  await listener.close();
  rmSync(dataDir, { recursive: true });
});

/** The agent is gone before it answers; the next one is there, or is not. */
function loseOneAnswer(comesBack: boolean): void {
  fake.beforeAnswer = async () => {
    fake.beforeAnswer = () => Promise.resolve();
    const closed = listener.close(0);
    if (comesBack) {
      await closed;
      listener = await serveAgent({ orchestrator: fake, dataDir });
    } else await new Promise((resolve) => setTimeout(resolve, 100));
  };
}

it('is an error that names the id to ask again with', async () => {
  loseOneAnswer(false);
  await using orchestrator = await connectOrchestrator({ dataDir });
  const asked = orchestrator.run(group, { requestId: 'asked-1' });
  await expect(asked).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(
      /is gone .*; the group may have been accepted as asked-1: look at "holdfast ps -a"$/,
    ) as string,
    details: { mayBeAccepted: true, allocId: 'asked-1' },
  });
  expect(fake.requestIds).toEqual(['asked-1']);
});

it('makes the command ask again under the same id', async () => {
  const file = join(dataDir, 'job.json');
  writeFileSync(file, JSON.stringify(group));
  const told = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  loseOneAnswer(true);
  expect(await runCommand(['run', file, '--no-agent', '--data-dir', dataDir])).toBe(0);
  const [first, second] = fake.requestIds;
  expect([fake.requestIds.length, second]).toEqual([2, first]);
  expect(told.mock.calls).toEqual([['id-of-job\n']]);
  expect(said.mock.calls[0]?.[0]).toContain(`the group may have been accepted as ${first}: `);
});
