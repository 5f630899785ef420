/** An isolated task beside bare `runc run` of the same container: from asking to the first instruction, and idle. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { exec } from '../src/drivers/exec.ts';
import { openOrchestrator } from '../src/orchestrator.ts';
import { ociPrograms } from '../src/os/oci-programs.ts';
import { ociConfig } from '../src/processes/executor-host/oci-config.ts';
import { ContainerRig, noContainersBecause } from '../test/processes/container-rig.ts';
import { median, printFigures, quantile, type Figure } from './figures.ts';
import { ownProcesses, pssOf } from './memory.ts';

const STARTS = 20;
const IDLE = 10;
const SETTLE_MS = 2_000;

/** Prints the wall-clock time in nanoseconds and does nothing else: what it says is when it began. */
const STAMP = { command: '/usr/bin/date', args: ['+%s%N'] };
const SLEEP = { command: '/usr/bin/sleep', args: ['100000'] };

/** Containers of bare runc, in the foreground as people use it. */
class BareRunc {
  readonly #rig = new ContainerRig();
  readonly #runc = ociPrograms().runc ?? 'runc';
  readonly #root = ['--root', join(this.#rig.stateDir, 'runc')];
  #count = 0;

  start(program: { command: string; args: string[] }): ReturnType<typeof spawn> {
    this.#count += 1;
    const bundle = join(this.#rig.stateDir, `bundle-${this.#count}`);
    mkdirSync(bundle);
    const request = this.#rig.isolated('', { request: program });
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(ociConfig(request, [])));
    const args = [
      '--root',
      join(this.#rig.stateDir, 'runc'),
      'run',
      '-b',
      bundle,
      `b${this.#count}`,
    ];
    return spawn(ociPrograms().runc ?? 'runc', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Containers outlive their runc. */
  end(): void {
    for (let name = 1; name <= this.#count; name += 1) {
      spawnSync(this.#runc, [...this.#root, 'delete', '--force', `b${name}`]);
    }
    this.#rig.end();
  }
}

async function sayOf(child: ReturnType<typeof spawn>): Promise<string> {
  let text = '';
  for await (const piece of child.stdout ?? []) text += String(piece);
  return text;
}

function stampMs(text: string): number {
  return Number(BigInt(text.trim()) / 1_000n) / 1_000;
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export async function benchIsolated(): Promise<readonly Figure[]> {
  const home = mkdtempSync(join(tmpdir(), 'hf-bench-'));
  const orchestrator = await openOrchestrator({ dataDir: join(home, 'data'), drivers: [exec()] });
  const bare = new BareRunc();
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    for (let start = 0; start < STARTS + 3; start += 1) {
      const began = nowMs();
      const task = { name: 'one', driver: 'exec', config: STAMP };
      const group = { name: `start-${start}`, type: 'batch' as const, tasks: [task] };
      const alloc = await orchestrator.run(group);
      const chunks: Uint8Array[] = [];
      for await (const { data } of alloc.task('one').logs({ follow: true })) chunks.push(data);
      await alloc.wait();
      const asked = nowMs();
      const said = stampMs(await sayOf(bare.start(STAMP)));
      // The first ones start the hosts and load the validator.
      if (start < 3) continue;
      ours.push(stampMs(Buffer.concat(chunks).toString()) - began);
      theirs.push(said - asked);
    }
    return [
      {
        name: 'run() to first instruction, isolated',
        value: median(ours),
        unit: 'ms',
        baseline: { name: 'runc run', value: median(theirs) },
        note: `p95 ${quantile(ours, 0.95).toFixed(0)} against ${quantile(theirs, 0.95).toFixed(0)} ms`,
      },
      await idle(orchestrator, home, bare),
    ];
  } finally {
    await orchestrator.close();
    bare.end();
    rmSync(home, { recursive: true, force: true });
  }
}

/** What stands beside each program: shim and conmon here, runc there. */
async function idle(
  orchestrator: Awaited<ReturnType<typeof openOrchestrator>>,
  home: string,
  bare: BareRunc,
): Promise<Figure> {
  const tasks = Array.from({ length: IDLE }, (_one, index) => ({
    name: `t${index}`,
    driver: 'exec',
    config: SLEEP,
    killTimeout: '1s',
  }));
  const alloc = await orchestrator.run({ name: 'idle', tasks });
  const containers = tasks.map(() => bare.start(SLEEP));
  while ((await alloc.view()).tasks.some(({ state }) => state !== 'running')) await delay(50);
  await delay(SETTLE_MS);
  const beside = [...ownProcesses(join(home, 'data', 'state', 'run'))];
  const ours = beside.reduce((sum, pid) => sum + pssOf(pid), 0) / IDLE / 1024;
  const theirs = containers.reduce((sum, { pid = 0 }) => sum + pssOf(pid), 0) / IDLE / 1024;
  await alloc.stop();
  for (const container of containers) container.kill('SIGKILL');
  return {
    name: 'memory beside an idle isolated task',
    value: ours,
    unit: 'MB',
    baseline: { name: 'runc run', value: theirs },
    note: `${beside.length} processes of ${IDLE} tasks`,
  };
}

if (import.meta.main) {
  const obstacle = noContainersBecause();
  if (obstacle === undefined) printFigures(await benchIsolated());
  else console.log(`left out: ${obstacle}`);
}
