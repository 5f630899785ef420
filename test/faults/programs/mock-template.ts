/**
 * A data directory as an agent leaves it that was killed in the middle of its work, and the world its tasks live in.
 * The tasks are mocked; the files of their runs are what a shim would have written.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Driver, RunRequest } from '../../../src/drivers/driver.ts';
import { layoutOf } from '../../../src/layout.ts';
import type { StoredRow } from '../../../src/log/event-log.ts';
import { openStore } from '../../../src/log/open-store.ts';
import { makeFifo } from '../../../src/os/libc.ts';
import { machineEpoch } from '../../../src/os/machine-epoch.ts';
import { writeIntent } from '../../../src/os/run-directory.ts';
import { openOrchestrator } from '../../../src/orchestrator.ts';
import { silentLogger } from '../../../src/ports.ts';
import { FakeClock, mockDriver, MockWorld, type MockRun } from '../../../src/testing/index.ts';
import type { GroupSpecInput } from '../../../src/spec/group-schema.ts';

export interface Template {
  readonly dir: string;
  /** What its log says, by `STREAM VERSION`. */
  readonly events: ReadonlyMap<string, StoredRow>;
  /** Every start that was asked for, in order. */
  readonly requests: readonly RunRequest[];
  /** The clock's time when the agent was killed. */
  readonly nowMs: number;
  /** The runs as they were then. */
  readonly world: MockWorld;
}

const LONG = { attempts: 1, interval: '2h', delay: '1h' };
const OFTEN = { attempts: 99, interval: '2h', delay: '1s' };

const GROUPS: readonly GroupSpecInput[] = [
  { name: 'web', tasks: [task('front', {}), task('back', {})] },
  { name: 'work', type: 'batch', tasks: [task('done', { runFor: '1s' })] },
  { name: 'again', restart: OFTEN, tasks: [task('again', {})] },
  { name: 'waits', restart: LONG, tasks: [task('waits', { runFor: '3s', exitCode: 3 })] },
  { name: 'gone', tasks: [task('gone', {})] },
];

function task(name: string, config: object): GroupSpecInput['tasks'][number] {
  return { name, driver: 'mock', config: { ...config } };
}

/** Life goes on in such steps of the clock until `isSo`. */
async function until(clock: FakeClock, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 10_000; tries += 1) {
    if (await isSo()) return;
    await clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error('the template never came about');
}

export async function makeTemplate(): Promise<Template> {
  const work = mkdtempSync(join(tmpdir(), 'hf-dmg-'));
  const dir = `${work}/kept`;
  const dataDir = `${work}/live`;
  const clock = new FakeClock();
  const world = new MockWorld(clock);
  const requests: RunRequest[] = [];
  const open = () =>
    openOrchestrator({ dataDir, drivers: [recording(mockDriver(world), requests)], clock });
  let agent = await open();
  const isIn = (alloc: string, state: string) => async () =>
    (await agent.inspect(alloc)).tasks.every((one) => one.state === state);
  for (const group of GROUPS) await agent.run(group, { allocId: `id-${group.name}` });
  await until(clock, isIn('web', 'running'));
  await until(clock, isIn('gone', 'running'));
  await until(clock, isIn('work', 'complete'));
  await until(clock, isIn('waits', 'backoff'));
  await agent.stop('gone');
  await agent.close({ tasks: 'leave' });
  agent = await open();
  for (let run = 2; run < 14; run += 1) {
    world.exit('again', { exitCode: 1 });
    await until(clock, () => world.newest('again').run === run);
    await until(clock, isIn('again', 'running'));
    if (run > 8) await agent.restart('web/back');
  }
  await until(clock, isIn('web', 'running'));
  writeRuns(dataDir, requests, world);
  // As SIGKILL would leave it: nothing is closed, and much is in the write-ahead log only.
  cpSync(dataDir, dir, { recursive: true });
  const nowMs = clock.now();
  const { head } = await agent.agent();
  await agent.close({ tasks: 'leave' });
  const { log } = await openStore({ dir: layoutOf(dataDir).storeDir, logger: silentLogger });
  const events = new Map(
    [...log.rows()]
      .filter((row) => row.position <= head)
      .map((row) => [`${row.stream} ${row.version}`, row]),
  );
  await log.close();
  rmSync(dataDir, { recursive: true });
  return { dir, events, requests, nowMs, world };
}

function recording(driver: Driver, requests: RunRequest[]): Driver {
  return {
    ...driver,
    start(run, doors, signal) {
      if (!requests.some(({ launchKey }) => launchKey === run.launchKey)) requests.push(run);
      return driver.start(run, doors, signal);
    },
  };
}

function writeRuns(dataDir: string, requests: readonly RunRequest[], world: MockWorld): void {
  const { runDir, stateDir } = layoutOf(dataDir);
  const epoch = machineEpoch();
  const runs = new Map(world.runs().map((run) => [run.launchKey, run]));
  for (const [index, request] of requests.entries()) {
    const run = runs.get(request.launchKey);
    const { launchKey, allocId, task: spec, token, mark, specHash } = request;
    const dir = join(runDir, launchKey);
    mkdirSync(dir, { mode: 0o700 });
    const [instanceId = ''] = mark.split(':');
    const made = { protocol: 1, instanceId, allocId, task: spec.name, run: request.run } as const;
    writeIntent(dir, { ...made, token, mark, machineEpoch: epoch, specHash });
    // Of processes that ended long ago: what lives here lives in the mock's world only.
    writeFileSync(join(dir, 'fate'), `launch ${statLine(4_000_000 + index)}\n`);
    writeFileSync(join(dir, 'identity'), `${statLine(4_100_000 + index)}\n`);
    makeFifo(join(dir, 'life'));
    const code = codeOf(run);
    if (code !== undefined) writeFileSync(join(dir, 'exit'), `code ${code}\n.\n`);
  }
  const host = join(stateDir, 'hosts', 'deadbeef');
  mkdirSync(host, { recursive: true });
  const address = { hostId: 'deadbeef', kind: 'executor', pid: 4_150_000, startTime: '7' };
  const socket = join(host, 'sock');
  const text = { ...address, machineEpoch: epoch, protocol: 1, version: '0.1.0', socket };
  writeFileSync(join(host, 'address.json'), JSON.stringify(text));
}

function statLine(pid: number): string {
  return `${pid} (sh) S 1 ${pid} ${pid} 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0`;
}

function codeOf(run: MockRun | undefined): number | undefined {
  return run?.outcome?.kind === 'exited' ? (run.outcome.exit.exitCode ?? 143) : undefined;
}

/** The same world anew, with its own clock: what runs in it is what ran when the agent was killed. */
export async function worldOf(template: Template): Promise<{ world: MockWorld; clock: FakeClock }> {
  const originals = template.world.runs().filter((run) => run.process !== undefined);
  const clock = new FakeClock(originals[0]?.process?.startedAt ?? template.nowMs);
  const world = new MockWorld(clock);
  const requests = new Map(template.requests.map((request) => [request.launchKey, request]));
  for (const original of originals) {
    const request = requests.get(original.launchKey);
    if (request === undefined) continue;
    await clock.advance(Math.max(0, (original.process?.startedAt ?? 0) - clock.now()));
    const run = world.recordOf(request);
    world.begin(run);
    if (original.outcome !== undefined) world.finish(run, original.outcome);
  }
  await clock.advance(template.nowMs - clock.now());
  return { world, clock };
}
