/** The exit status of `exec` and `attach` where no command gives one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runCommand } from '../../src/cli/run-command.ts';
import { HoldfastError } from '../../src/errors.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';
import { serveAgent } from '../../src/server/agent-service.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';

let dataDir: string;
let fake: FakeOrchestrator;
let listener: Listener;

beforeEach(async () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-status-'));
  fake = new FakeOrchestrator();
  await fake.run({ name: 'job', tasks: [{ name: 'a', driver: 'raw_exec' }] });
  listener = await serveAgent({ orchestrator: fake, dataDir });
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = 0;
  await listener.close();
  rmSync(dataDir, { recursive: true });
});

const execWith = (ref: string, ...words: string[]): Promise<number> =>
  runCommand(['exec', ref, '--data-dir', dataDir, '-T', ...words]);

it('is that of wrong usage and of what is not there, as of every command', async () => {
  expect(await execWith('job', '-e', 'NOVALUE', '--', 'ls')).toBe(2);
  expect(await execWith('nobody', '--', 'ls')).toBe(3);
  expect(await runCommand(['attach', 'none', '--data-dir', dataDir, '-T'])).toBe(3);
});

it.each([
  ['USAGE', 2],
  ['AMBIGUOUS', 3],
  ['WRONG_STATE', 4],
  ['CAPABILITY_MISSING', 4],
  ['PERMISSION_DENIED', 8],
  ['COMMAND_NOT_EXECUTABLE', 126],
  ['COMMAND_NOT_FOUND', 127],
  ['TIMEOUT', 125],
  ['START_FAILED', 125],
  ['INTERNAL', 125],
] as const)('of a command that did not begin, for %s, is %i', async (code, status) => {
  vi.spyOn(fake, 'exec').mockRejectedValue(new HoldfastError(code, 'it did not begin'));
  expect(await execWith('job', '--', 'ls')).toBe(status);
});

it('is 125 for a session that is lost after the command began, whatever the reason', async () => {
  const exec = fake.exec.bind(fake);
  vi.spyOn(fake, 'exec').mockImplementation(async (...words) => {
    const session = await exec(...words);
    const gone = Promise.reject(new HoldfastError('NOT_FOUND', 'it is gone'));
    gone.catch(() => undefined);
    return Object.defineProperty(session, 'exit', { value: gone });
  });
  expect(await execWith('job', '--', 'ls')).toBe(125);
});
