/**
 * Gives the pids of a run to strangers and then has the agent deal with the run: `pid-reuse.ts HOME SEED COUNT`. To be
 * run as root of a pid namespace of its own. Says `hit WHAT` for every stranger that a signal reached, and counts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator } from '../../../src/api.ts';
import { rawExec } from '../../../src/drivers/raw-exec.ts';
import { layoutOf } from '../../../src/layout.ts';
import { isDeadState } from '../../../src/os/proc-stat.ts';
import { readProcStat } from '../../../src/os/process-identity.ts';
import { readFate } from '../../../src/os/run-directory.ts';
import { openOrchestrator } from '../../../src/orchestrator.ts';
import { randomOf } from '../../machines/random-facts.ts';

const [home = '', seed = '1', count = '1'] = process.argv.slice(2);
const dataDir = join(home, 'd');
const random = randomOf(Number(seed));
const CANARY = new URL('canary.pl', import.meta.url).pathname;
const PATIENCE_MS = 20_000;
const WAYS = ['the host looks away', 'the host dies too', 'the agent is away'] as const;
const WISHES = ['stop', 'restart', 'signal'] as const;

let agent = await open();
for (let number = 0; number < Number(count); number += 1) await oneTrial(number);
await agent.close({ tasks: 'stop' });
say('finished');
process.exit(0);

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function open(): Promise<Orchestrator> {
  return openOrchestrator({ dataDir, drivers: [rawExec()], onClose: 'leave', safeMode: 'off' });
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`it never was so: ${what}`);
    await delay(5);
  }
}

async function oneTrial(number: number): Promise<void> {
  const way = WAYS[Math.floor(random() * WAYS.length)] ?? 'the agent is away';
  const wish = WISHES[Math.floor(random() * WISHES.length)] ?? 'stop';
  const { allocId, launchKey, pid } = await startTask(number);
  const fate = readFate(join(layoutOf(dataDir).runDir, launchKey));
  const shim = fate.is === 'whole' && fate.value.verdict === 'launch' ? fate.value.shim.pid : 0;
  const pids = [pid, shim];
  const host = hostPid();
  if (way === 'the agent is away') await agent.close({ tasks: 'leave' });
  if (way === 'the host looks away') process.kill(host, 'SIGSTOP');
  else pids.push(host);
  // The shim would write down how the program ended; without it the run's identity is all there is.
  const victims = way === 'the host looks away' ? [pid] : [shim, host, pid];
  for (const victim of victims) process.kill(victim, 'SIGKILL');
  const free = way === 'the host looks away' ? [pid] : pids;
  const canaries = [];
  for (const taken of free) canaries.push(await moveIn(taken, `${number}-${taken}`));
  say(`trial ${way}, ${wish}`);
  if (way === 'the host looks away') process.kill(host, 'SIGCONT');
  if (way === 'the agent is away') agent = await open();
  await wishFor(wish, allocId);
  await agent.stop(allocId, patience()).catch(() => undefined);
  for (const canary of canaries) {
    if (canary === undefined) continue;
    say('pid reused');
    const signals = readFileSync(canary.file, 'utf8').trim();
    const isDead = canary.child.exitCode !== null || canary.child.signalCode !== null;
    if (signals !== '' || isDead) say(`hit ${way}, ${wish}: ${signals || 'it is dead'}`);
    canary.child.kill('SIGKILL');
  }
}

async function startTask(number: number) {
  const name = `victim-${number}`;
  const config = { command: '/bin/sleep', args: ['1000000'] };
  const restart = { attempts: 9, interval: '1h', delay: '1ms' };
  const tasks = [{ name: 'one', driver: 'raw_exec', config, killTimeout: '100ms' }];
  const { allocId } = await agent.run({ name, restart, tasks });
  let pid = 0;
  await until('it runs', async () => {
    const [task] = (await agent.inspect(allocId)).tasks;
    pid = task?.state === 'running' ? (task.pid ?? 0) : 0;
    return pid !== 0 && commandOf(pid).startsWith('/bin/sleep');
  });
  const launchKey = /HOLDFAST_MARK=[0-9a-f]+:([a-z2-7]{20})/.exec(
    readFileSync(`/proc/${pid}/environ`, 'latin1'),
  )?.[1];
  if (launchKey === undefined) throw new Error('the program carries no mark');
  // Another start time than whoever comes next: the kernel counts hundredths of a second.
  await delay(25);
  return { allocId, launchKey, pid };
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
}

function hostPid(): number {
  const hosts = join(layoutOf(dataDir).stateDir, 'hosts');
  for (const id of readdirSync(hosts)) {
    const path = join(hosts, id, 'address.json');
    if (!existsSync(path)) continue;
    const { kind, pid } = JSON.parse(readFileSync(path, 'utf8')) as { kind: string; pid: number };
    if (kind === 'executor' && isThere(pid)) return pid;
  }
  throw new Error('there is no executor host');
}

function isThere(pid: number): boolean {
  const stat = readProcStat(pid);
  return stat !== undefined && stat !== 'unknown' && !isDeadState(stat.state);
}

/** A stranger with this pid, who leads a session of that number; undefined when somebody else was faster. */
async function moveIn(
  pid: number,
  name: string,
): Promise<{ child: ChildProcess; file: string } | undefined> {
  // A host that is started meanwhile may have it by now.
  for (let tries = 0; readProcStat(pid) !== undefined; tries += 1) {
    if (tries > 200) return undefined;
    await delay(5);
  }
  const file = join(home, `canary-${name}`);
  for (let tries = 0; tries < 20; tries += 1) {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    const child = spawn('/usr/bin/perl', [CANARY, file], { detached: true, stdio: 'ignore' });
    if (child.pid === pid) {
      await until('the canary is ready', () => existsSync(file));
      return { child, file };
    }
    child.kill('SIGKILL');
    if (readProcStat(pid) !== undefined) return undefined;
  }
  return undefined;
}

/** An agent that takes a stranger for its own may wait for its end for ever. */
function patience(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(5_000) };
}

/** Whatever becomes of it: the run is over, and some of these are refused then. */
async function wishFor(wish: (typeof WISHES)[number], allocId: string): Promise<void> {
  try {
    if (wish === 'restart') await agent.restart(allocId);
    if (wish === 'signal') await agent.signal(allocId, 'SIGTERM');
    if (wish === 'stop') await agent.stop(allocId, patience());
  } catch (error) {
    say(`refused ${(error as { code?: string }).code ?? String(error)}`);
  }
}
