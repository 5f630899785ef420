/** Commands beside tasks of a driver in its own process: bytes go to its hosts, whatever becomes of the process. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ExecSession, Orchestrator } from '../../src/api.ts';
import { openOrchestrator } from '../../src/orchestrator.ts';
import { until } from '../acceptance/rig.ts';
import { processesOf } from '../processes/session-rig.ts';

const PLUGGED = new URL('../fixtures/plugged-driver.ts', import.meta.url).pathname;

let dataDir: string;
let agent: Orchestrator;

const open = (): Promise<Orchestrator> =>
  openOrchestrator({
    dataDir,
    drivers: [],
    driverPlugins: [{ name: 'plugged', path: PLUGGED }],
    safeMode: 'off',
  });

const isRunning = async (): Promise<boolean> =>
  (await agent.inspect('web')).tasks[0]?.state === 'running';

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'hf-pex-'));
  agent = await open();
  const config = { command: 'sleep', args: ['100000'] };
  await agent.run({
    name: 'web',
    tasks: [{ name: 'api', driver: 'plugged', env: { FROM_SPEC: 'yes' }, config }],
  });
  await until('the task runs', isRunning);
});
afterEach(async () => {
  await agent.close({ tasks: 'stop' });
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

/** Of what serves the driver. */
function pidOf(kind: string): number {
  const hosts = join(dataDir, 'state/plugins/plugged/hosts');
  const found = readdirSync(hosts)
    .map((id) => join(hosts, id, 'address.json'))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as { kind: string; pid: number });
  return found.find((one) => one.kind === kind)?.pid ?? 0;
}

const shell = (script: string, options = {}): Promise<ExecSession> =>
  agent.exec('web', ['sh', '-c', script], options);

async function hear(session: ExecSession, enough?: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const { data } of session.output) {
    parts.push(data);
    if (enough !== undefined && Buffer.concat(parts).includes(enough)) break;
  }
  return Buffer.concat(parts);
}

it('gives bytes, codes, a terminal, and words of refusal', async () => {
  const bytes = randomBytes(512 * 1024);
  const session = await shell('cat; exit 7');
  const heard = hear(session);
  await session.write(bytes);
  await session.end();
  expect((await heard).equals(bytes)).toBe(true);
  expect(await session.exit).toEqual({ exitCode: 7, signal: null, reason: 'exited' });

  const own = await shell('echo $FROM_SPEC; test -t 0 || echo none');
  expect((await hear(own)).toString()).toBe('yes\nnone\n');
  const terminal = { columns: 100, rows: 30 };
  const sized = await shell('stty size', { terminal });
  expect((await hear(sized)).toString()).toBe('30 100\r\n');
  await expect(agent.exec('web', ['no-such-command'])).rejects.toMatchObject({
    code: 'COMMAND_NOT_FOUND',
  });
});

it('loses no byte when the process of the driver is killed', async () => {
  const session = await shell('echo up; while read -r line; do echo "got $line"; done; exit 3');
  await hear(session, 'up');
  const again = await agent.attach(session.id);
  const heard = hear(again);
  const pid = pidOf('driver');
  process.kill(pid, 'SIGKILL');
  await again.write('one\n');
  await until('the driver is back', async () => pidOf('driver') !== pid && (await isRunning()));
  await again.write('two\n');
  await again.end();
  expect((await heard).toString()).toMatch(/got one\ngot two\n$/);
  expect(await again.exit).toMatchObject({ exitCode: 3 });
});

it('goes on without an agent, and the next one attaches to it', async () => {
  const session = await shell('echo up; cat; exit 9');
  await hear(session, 'up');
  await agent.close({ tasks: 'leave' });
  agent = await open();
  const again = await until('it can be attached to', () =>
    agent.attach(session.id).catch(() => undefined),
  );
  const heard = hear(again);
  await again.write('more');
  await again.end();
  expect((await heard).toString()).toMatch(/more$/);
  expect(await again.exit).toMatchObject({ exitCode: 9 });
});

it('is lost with its host, ends with its task, and leaves nothing', async () => {
  const lost = await shell('echo up; sleep 1000');
  await hear(lost, 'up');
  process.kill(pidOf('executor'), 'SIGKILL');
  expect(await lost.exit).toMatchObject({ exitCode: null, reason: 'its host was lost' });
  expect(processesOf(lost.id)).toEqual([]);

  const session = await shell('echo up; sleep 1000');
  await hear(session, 'up');
  await agent.stop('web');
  expect(await session.exit).toMatchObject({ exitCode: null });
  expect(processesOf(session.id)).toEqual([]);
});
