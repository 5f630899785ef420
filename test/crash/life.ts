/**
 * One life of the agent in a case: `life.ts DATA_DIR WORKLOAD`, from the instrumented copy. Started again after every
 * death, it goes on where the last one was, from nothing but what the orchestrator tells it; `done` says that all was
 * brought to its end. Ends with 3 when another agent holds the data directory.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { exec, HoldfastError, openOrchestrator, rawExec } from '../../src/index.ts';
import type { Orchestrator } from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { namesIn } from '../../src/os/quiet-reads.ts';
import { placesOf } from './plan.ts';
import { installCrashPoints } from './runtime.ts';
import { workload, type WorkloadName } from './workloads.ts';

installCrashPoints();
const [, , dataDir = '', name = 'batch'] = process.argv;
const places = placesOf(dirname(dataDir));
const acceptedFile = join(places.caseDir, 'accepted');
const witness = new URL('./witness.pl', import.meta.url).pathname;
const work = workload(name as WorkloadName, places, witness);

const agent = await openOrchestrator({
  dataDir,
  drivers: [rawExec(), exec()],
  onClose: 'leave',
  ...work.options,
  logger: { debug: () => undefined, info: say, warn: say, error: say },
}).catch((error: unknown) => {
  say({ error: String(error) }, 'not opened');
  return process.exit(HoldfastError.is(error, 'STORE_LOCKED') ? 3 : 1);
});
// An agent that can write no more, or that another one has replaced, is of no use: the next life opens anew.
void agent.ended.then((failure) => failure !== undefined && process.exit(1));
try {
  await play(agent);
  await agent.close({ tasks: 'stop' });
} catch (error) {
  // A host may refuse an agent that was replaced before its log does: what ends it shall be told by the agent itself.
  say({ error: String(error) }, 'cannot go on');
  await Promise.race([agent.ended, delay(10_000)]);
  throw error;
}
writeFileSync(places.doneFile, '');

function say(facts: object, text?: string): void {
  const line = JSON.stringify({ pid: process.pid, text, ...facts });
  appendFileSync(join(places.caseDir, 'agent.log'), `${line}\n`);
}

async function play(agent: Orchestrator): Promise<void> {
  putFiles(0);
  const known = new Set([...(await allocsOf(agent)), ...accepted()]);
  for (const [allocId, spec] of Object.entries(work.groups)) {
    if (known.has(allocId)) continue;
    await agent.run(spec, { allocId });
    appendFileSync(acceptedFile, `${allocId}\n`);
  }
  for (const allocId of work.ending) await ended(agent, allocId);
  if (work.isHasty !== true) for (const allocId of work.lasting) await running(agent, allocId, 1);
  if (work.restarted !== undefined) {
    const [task] = (await agent.inspect(work.restarted)).tasks;
    if (task?.run === 1 && task.state === 'running') await agent.restart(work.restarted);
    await running(agent, work.restarted, 2);
  }
  if (work.changed !== undefined) {
    const { allocId } = work.changed;
    const [task] = (await agent.inspect(allocId)).tasks;
    if (task?.run === 1 && task.state === 'running') putFiles(1);
    await running(agent, allocId, 2);
  }
  if (work.begunAnew !== undefined) await beginAnew(agent, work.begunAnew);
  if (work.updated !== undefined) await update(agent, work.updated);
  // A life before this one may have stopped it already.
  if (work.beside !== undefined && !(await isDead(agent, work.beside))) {
    await runBeside(agent, work.beside);
  }
  for (const allocId of work.lasting) await agent.stop(allocId);
  if (work.updated !== undefined) await agent.stop(work.updated.heir);
  await filesSwept();
  await oldOnesGone(agent);
}

/** What lives before this one have put there stays, unless it is the first of two. */
function putFiles(index: 0 | 1): void {
  for (const { path, texts } of work.changed?.files ?? []) {
    if (index === 0 && existsSync(path)) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, texts[index]);
    renameSync(`${path}.new`, path);
  }
}

async function allocsOf(agent: Orchestrator): Promise<readonly string[]> {
  return (await agent.allocs({ all: true })).map(({ allocId }) => allocId);
}

/** What an agent has taken on, which none may know any more by the time that it has ended. */
function accepted(): readonly string[] {
  return existsSync(acceptedFile) ? readFileSync(acceptedFile, 'utf8').split('\n') : [];
}

async function ended(agent: Orchestrator, allocId: string): Promise<void> {
  try {
    await (await agent.alloc(allocId)).wait();
  } catch (error) {
    if (!HoldfastError.is(error, 'NOT_FOUND') || !accepted().includes(allocId)) throw error;
  }
}

/** Retention works in the background, too: events go last. */
async function oldOnesGone(agent: Orchestrator): Promise<void> {
  const keep = work.options?.retention?.keepFinishedAllocs ?? Infinity;
  for (let tries = 0; tries < 500; tries += 1) {
    const { length } = await allocsOf(agent);
    if (length <= keep && (keep === Infinity || (await isCompacted(agent)))) return;
    await delay(10);
  }
}

async function isCompacted(agent: Orchestrator): Promise<boolean> {
  try {
    for await (const { position } of agent.events({ after: 0 })) return position > 1;
  } catch (error) {
    if (!HoldfastError.is(error, 'POSITION_COMPACTED')) throw error;
  }
  return true;
}

async function isDead(agent: Orchestrator, ref: string): Promise<boolean> {
  const { tasks } = await agent.inspect(ref);
  return tasks.every(({ nomadState }) => nomadState === 'dead');
}

/** One that ends by itself, one that is hung up, and one that ends with its run. */
async function runBeside(agent: Orchestrator, ref: string): Promise<void> {
  const short = await persistently(() => agent.exec(ref, ['sh', '-c', 'echo beside; exit 7']));
  let text = '';
  for await (const { data } of short.output) text += Buffer.from(data);
  const { exitCode, reason } = await short.exit;
  // With its host it may have been lost; nothing else may be made up.
  if (exitCode === null ? reason === 'exited' : exitCode !== 7 || text !== 'beside\n') {
    throw new Error(`a command beside ended with ${exitCode}, ${reason}, ${JSON.stringify(text)}`);
  }
  const long = await persistently(() => agent.exec(ref, ['sleep', '1000']));
  await persistently(() => long[Symbol.asyncDispose]());
  await persistently(() => agent.exec(ref, ['sleep', '1000']));
}

/** A host that dies in the middle is no reason to give up. */
async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      const isPassing =
        HoldfastError.is(error) && (error.retryable || error.code === 'WRONG_STATE');
      if (tries > 100 || !isPassing) throw error;
      await delay(100);
    }
  }
}

/** Whatever a life before this one has done of it is done. */
async function update(
  agent: Orchestrator,
  { allocId, specs, heir }: NonNullable<typeof work.updated>,
): Promise<void> {
  const [changed, other] = specs;
  const isReplaced = (await allocsOf(agent)).includes(heir);
  if (!isReplaced && (await agent.inspect(allocId)).isLive) {
    await agent.run(changed);
    await updated(agent, allocId, changed);
  }
  await agent.run(other, { requestId: heir });
  await running(agent, heir, 1);
}

/** The first task has begun anew, all are at work, nobody else is, and hooks have seen to those that run on. */
async function updated(
  agent: Orchestrator,
  allocId: string,
  { tasks: wanted }: GroupSpecInput,
): Promise<void> {
  for (;;) {
    const { tasks, isLive } = await agent.inspect(allocId);
    const isBegun = tasks.every(({ state, pid }) => state === 'running' && isInLedger(pid));
    const isWhole = tasks.length === wanted.length && (tasks[0]?.run ?? 0) > 1;
    let isSeenTo = false;
    for await (const { type } of agent.events({ ref: allocId, until: 'head' })) {
      isSeenTo ||= type === 'UpdateCompleted';
    }
    if ((isBegun && isWhole && isSeenTo) || !isLive) return;
    await delay(10);
  }
}

/** A life before this one may have done so already, and what was hurt meanwhile may have ended it. */
async function beginAnew(agent: Orchestrator, allocId: string): Promise<void> {
  let isAsked = false;
  for await (const { type } of agent.events({ ref: allocId, until: 'head' })) {
    isAsked ||= type === 'AllocRestarting' || type === 'AllocStopping';
  }
  try {
    if (!isAsked) await agent.restart(allocId, { tasks: 'all' });
  } catch (error) {
    if (!HoldfastError.is(error, 'WRONG_STATE')) throw error;
  }
  await running(agent, allocId, 2);
}

/** Every program has written its first line in the ledger, or will never do so. What comes last waits. */
async function running(agent: Orchestrator, allocId: string, run: number): Promise<void> {
  for (;;) {
    const { tasks, isLive } = await agent.inspect(allocId);
    const last = work.groups[allocId]?.tasks.flatMap(({ name, lifecycle }) =>
      lifecycle?.hook === 'poststop' ? [name] : [],
    );
    const isOver = tasks.every(
      (task) =>
        (task.nomadState === 'dead' && (run === 1 || task.run >= run)) ||
        (task.state === 'running' && task.run >= run && isInLedger(task.pid)) ||
        (task.state === 'pending' && last?.includes(task.task)),
    );
    if (isOver || !isLive) return;
    await delay(10);
  }
}

function isInLedger(pid: number | null): boolean {
  try {
    return readFileSync(places.ledger, 'utf8').includes(` ${pid} `);
  } catch {
    return false;
  }
}

/** Files of ended runs go in the background; the case looks at what is left. A foreign directory stays. */
async function filesSwept(): Promise<void> {
  const runs = join(dataDir, 'state', 'run');
  const networks = join(dataDir, 'state', 'networks');
  const isLeft = (): boolean => readdirSync(runs).length > 1 || namesIn(networks).length > 0;
  for (let tries = 0; tries < 500 && isLeft(); tries += 1) await delay(10);
}
