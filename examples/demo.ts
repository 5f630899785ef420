/**
 * The main job from a fresh clone (`npm run demo`): run a group, watch it, kill the agent, find everything as it was.
 * It shows what it does, and exits with 1 when anything is not as it says.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { PublicEvent, TaskView } from '../src/index.ts';
import { Follower } from './demo/follower.ts';
import { holdfast, isAlive, Machine, root } from './demo/machine.ts';
import { claim, command, event, failedClaims, heading, tell } from './demo/stage.ts';

const AWAY_MS = 1_000;
/** What a slow machine counts in that time. */
const AWAY_LINES = 5;

const machine = new Machine();
const follower = new Follower(
  holdfast,
  ['events', '--follow', '--jsonl', '--data-dir', machine.dataDir],
  (one) => event(lineOf(one)),
);

process.on('exit', () => machine.clear());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}

await startAgent();
await runBatch();
const counter = await runService();
const before = await killAgent(counter);
await comeBack(counter, before);
await stopEverything(counter);
heading(
  failedClaims() === 0 ? 'Everything was so.' : `Not so: ${failedClaims()} of what was claimed.`,
);
process.exit(failedClaims() === 0 ? 0 : 1);

async function startAgent(): Promise<void> {
  heading('1. An agent with its embedded store in a new directory, and a subscriber');
  const tookMs = await machine.startAgent();
  tell(`the agent is process ${machine.agentPid} and answered after ${Math.round(tookMs)} ms`);
  command('holdfast events --follow --jsonl');
  follower.start();
  await follower.seen('AgentStarted', null);
}

async function runBatch(): Promise<void> {
  heading('2. A batch group with a prestart step');
  await machine.show('run', `${root}/examples/batch.yaml`, '--wait');
  await follower.seen('AllocStopped', 'batch');
  const sum = (await machine.show('logs', 'batch/sum')).trim();
  tell(sum);
  claim(sum === '5050', 'the sum of the 100 numbers that the prestart step wrote is 5050');
  const prepared = find('TaskExited', 'prepare');
  const started = find('TaskStarted', 'sum');
  claim(prepared < started, `the step ended (${prepared}) before the tasks started (${started})`);
}

async function runService(): Promise<TaskView> {
  heading('3. A service that counts aloud');
  await machine.show('run', `${root}/examples/hello.yaml`);
  await follower.seen('TaskStarted', 'hello');
  tell(await machine.show('ps'));
  const task = await runningTask();
  claim(task.pid !== null && isAlive(task.pid), `its program is process ${task.pid}`);
  return task;
}

/** How many lines had been counted before. */
async function killAgent({ pid }: TaskView): Promise<number> {
  heading('4. kill -9 of the agent: the task does not notice');
  const lines = await counted();
  await machine.killAgent();
  claim(!isAlive(machine.agentPid), `the agent is dead; ${lines} lines had been counted`);
  await delay(AWAY_MS);
  claim(isAlive(pid ?? 0), `process ${pid} lived on for ${AWAY_MS} ms without an agent`);
  return lines;
}

async function comeBack({ pid, run }: TaskView, linesBefore: number): Promise<void> {
  heading('5. A new agent finds everything as it was');
  const tookMs = await machine.startAgent();
  tell(`process ${machine.agentPid} answered after ${Math.round(tookMs)} ms`);
  tell(await machine.show('ps'));
  const task = await runningTask();
  claim(task.pid === pid && task.run === run, `the same process ${task.pid}, the same run ${run}`);
  const lines = await counted();
  claim(lines > linesBefore + AWAY_LINES, `it counted on meanwhile: ${lines} lines by now`);
  await follower.seen('TaskReattached', 'hello');
  claim(follower.reconnects > 0, 'the subscriber came back with the last position it had seen');
}

async function stopEverything({ pid }: TaskView): Promise<void> {
  heading('6. A clean stop, and the books');
  await machine.show('stop', 'hello');
  claim(!isAlive(pid ?? 0), `process ${pid} has ended`);
  await checkOutput();
  const head = (await machine.ask('events', '--jsonl')).trim().split('\n').length;
  await follower.reached(head);
  await follower.end();
  const positions = follower.events.map(({ position }) => position);
  claim(
    positions.length === head && positions.every((position, index) => position === index + 1),
    `the subscriber saw the positions 1 to ${head}, none missing, none twice`,
  );
  const code = await machine.endAgent();
  claim(code === 0, `the agent ended with exit status ${code}`);
  claim(await everybodyLeft(), 'no process of ours is left');
}

async function checkOutput(): Promise<void> {
  const lines = (await machine.show('logs', 'hello/counter')).trimEnd().split('\n');
  tell(`${lines[0]} … ${lines.at(-1)}`);
  const isWhole = lines.every((line, index) => line === `line ${index + 1}`);
  claim(isWhole, `${lines.length} lines, every one once and in order, without a hole`);
}

async function runningTask(): Promise<TaskView> {
  const task = (await machine.tasks()).find((one) => one.task === 'counter');
  if (task?.state !== 'running') throw new Error(`the counter is ${task?.state ?? 'not there'}`);
  return task;
}

async function counted(): Promise<number> {
  return (await machine.ask('logs', 'hello/counter')).trimEnd().split('\n').length;
}

async function everybodyLeft(): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (machine.processes().length === 0) return true;
    await delay(100);
  }
  return false;
}

function find(type: string, task: string): number {
  const found = follower.events.find((one) => one.type === type && one.task === task);
  return found?.position ?? Number.NaN;
}

function lineOf({ position, alloc, task, type, data }: PublicEvent): string {
  const about = alloc === null ? 'node' : task === null ? alloc : `${alloc}/${task}`;
  const { pid } = data as { pid?: number };
  const tail = pid === undefined ? '' : `  pid ${pid}`;
  return `${String(position).padStart(3)}  ${about.padEnd(14)} ${type}${tail}`;
}
