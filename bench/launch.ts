/**
 * How long a program takes from the request to its first instruction, through a warm executor host (with a cgroup, a
 * user and limits or without) and by plain
 * `child_process.spawn` in the same run, and what the host costs in memory. Run it alone: `node bench/launch.ts`.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cgroupAnswers } from '../src/os/cgroup-answers.ts';
import { cgroupOfRun, machineCgroups } from '../src/os/cgroup-layout.ts';
import { makeFifo } from '../src/os/libc.ts';
import { launchKey } from '../src/os/launch-key.ts';
import { executorMethods as service } from '../src/rpc/executor-methods.ts';
import { call } from '../src/rpc/framed-client.ts';
import {
  type Confinement,
  type LaunchRequest,
  StopStep_Target as Target,
} from '../src/rpc/gen/holdfast/executor/v1/executor.ts';
import { type Host, spawnHost } from '../src/rpc/spawn-host.ts';

const ROUNDS = 60;
const IDLE_RUNS = 100;

const stateDir = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'launch-'));
mkdirSync(join(stateDir, 'run'));
const fifos = { out: join(stateDir, 'out'), err: join(stateDir, 'err') };
makeFifo(fifos.out);
makeFifo(fifos.err);
const out = openSync(fifos.out, constants.O_RDWR | constants.O_NONBLOCK);
const errors = openSync(fifos.err, constants.O_RDWR | constants.O_NONBLOCK);
const reader = new Socket({ fd: out, readable: true, writable: false });

/** Milliseconds until the program wrote its first line, which is the first thing it does. */
async function untilFirstLine(start: () => Promise<unknown>): Promise<number> {
  const line = new Promise<number>((resolve) =>
    reader.once('data', () => resolve(performance.now())),
  );
  const begun = performance.now();
  await start();
  return (await line) - begun;
}

let runs = 0;
const asked: string[] = [];

function request(script: string): LaunchRequest {
  runs += 1;
  const key = launchKey('bench', 'task', runs, stateDir);
  asked.push(key);
  return {
    agentEpoch: 1,
    launchKey: key,
    token: 'token',
    mark: `bench:${key}`,
    allocId: 'bench',
    task: 'task',
    run: runs,
    specHash: '',
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    stdoutFifo: fifos.out,
    stderrFifo: fifos.err,
    confinement: undefined,
    collect: undefined,
  };
}

const layout = machineCgroups();
const cgroups = cgroupAnswers(layout);
const instanceId = `bench-${process.pid}`;
const NO_LIMITS = {
  memoryMaxBytes: 0,
  memoryLowBytes: 0,
  cpuShareMillis: 0,
  cpuMaxMillis: 0,
  cpuset: '',
  pids: 0,
};
const NO_WISH: Confinement = {
  user: undefined,
  cgroup: '',
  limits: undefined,
  resourceLimits: [],
  oomScoreAdj: undefined,
  noNewPrivileges: false,
  networkNamespace: '',
  capabilities: undefined,
  isolation: undefined,
};

/** What a launch may ask for beside its program, cheapest first. */
const WISHES: Readonly<Record<string, (key: string) => Partial<Confinement>>> = {
  'with nothing asked for': () => ({}),
  ...(cgroups.tracking.isAvailable && {
    'tracked by a cgroup': (key) => ({ cgroup: cgroupOf(key) }),
    'tracked, as another user': (key) => ({
      cgroup: cgroupOf(key),
      user: { uid: 65_534, gid: 65_534, groups: [65_534] },
    }),
  }),
  ...(cgroups.limits.memory.isAvailable && {
    'tracked, memory and pids limited': (key) => ({
      cgroup: cgroupOf(key),
      limits: { ...NO_LIMITS, memoryMaxBytes: 1 << 26, pids: 100 },
    }),
  }),
};

function cgroupOf(key: string): string {
  return cgroupOfRun(layout.parent, instanceId, key);
}

function spawnDirectly(): Promise<void> {
  const stdout = openSync(fifos.out, constants.O_RDWR);
  const child = spawn('/bin/sh', ['-c', 'echo x'], {
    detached: true,
    stdio: ['ignore', stdout, 'ignore'],
  });
  closeSync(stdout);
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function summary(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2);
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms`;
}

function memory(host: Host): string {
  const text = readFileSync(`/proc/${host.address.pid}/smaps_rollup`, 'utf8');
  const kb = (name: RegExp): number =>
    [...text.matchAll(name)].reduce((sum, [, value]) => sum + Number(value), 0);
  const privateMb = kb(/^Private_\w+:\s+(\d+)/gm) / 1024;
  return `private ${privateMb.toFixed(1)} MB, PSS ${(kb(/^Pss:\s+(\d+)/gm) / 1024).toFixed(1)} MB`;
}

async function main(): Promise<void> {
  const hostOptions = { stateDir, hostId: 'bench', instanceId, agentEpoch: 1 };
  const coldFrom = performance.now();
  const host = await spawnHost({ ...hostOptions, kind: 'executor' });
  console.log(`host ready after ${(performance.now() - coldFrom).toFixed(0)} ms`);
  const launched = new Map(Object.keys(WISHES).map((name) => [name, [] as number[]]));
  const answered: number[] = [];
  const spawned: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, wish] of Object.entries(WISHES)) {
      const plain = request('echo x');
      const confinement = { ...NO_WISH, ...wish(plain.launchKey) };
      const tookMs = await untilFirstLine(async () => {
        const begun = performance.now();
        await call(host.channel, service.launch, { ...plain, confinement });
        if (confinement.cgroup === '') answered.push(performance.now() - begun);
      });
      launched.get(name)?.push(tookMs);
    }
    spawned.push(await untilFirstLine(spawnDirectly));
  }
  console.log('launch → first line (sh echo)');
  for (const [name, tookMs] of launched) console.log(`  ${name.padEnd(34)}${summary(tookMs)}`);
  console.log(`launch → answer, nothing asked for: ${summary(answered)}`);
  console.log(`child_process.spawn → first line:   ${summary(spawned)}`);
  console.log(`host without runs: ${memory(host)}`);
  const idle = Array.from({ length: IDLE_RUNS }, () => request('exec sleep 1000'));
  const from = performance.now();
  await Promise.all(idle.map((wanted) => call(host.channel, service.launch, wanted)));
  const tookMs = performance.now() - from;
  console.log(
    `${IDLE_RUNS} launches at once: ${((IDLE_RUNS / tookMs) * 1000).toFixed(0)} a second`,
  );
  console.log(`host with ${IDLE_RUNS} runs: ${memory(host)}`);
  const steps = [{ signal: 'SIGKILL', target: Target.LEADER, waitMs: 5_000 }];
  for (const { launchKey: key } of idle) {
    await call(host.channel, service.stop, { agentEpoch: 1, launchKey: key, steps });
  }
  for (const launchKey of asked) {
    await call(host.channel, service.forget, { agentEpoch: 1, launchKey });
  }
  await call(host.channel, service.shutdown, { agentEpoch: 1 });
  host.channel.close();
}

try {
  await main();
} finally {
  reader.destroy();
  closeSync(errors);
  rmSync(stateDir, { recursive: true });
}
