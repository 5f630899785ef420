/** From `run()` to the program's first instruction, and whole batch tasks per second, in an agent of this process. */
import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openOrchestrator } from '../src/orchestrator.ts';
import { rawExec } from '../src/drivers/raw-exec.ts';
import { median, printFigures, quantile, type Figure } from './figures.ts';

const STARTS = 40;
const BATCH = 200;
const IN_FLIGHT = 32;

/** Prints the wall-clock time in nanoseconds and does nothing else: what it says is when it began. */
const STAMP = { command: 'date', args: ['+%s%N'] };

export async function benchStart(dir = tmpdir(), place = 'disk'): Promise<readonly Figure[]> {
  const home = mkdtempSync(join(dir, 'hf-bench-'));
  const orchestrator = await openOrchestrator({
    dataDir: join(home, 'data'),
    drivers: [rawExec()],
  });
  try {
    const latencies: number[] = [];
    const spawns: number[] = [];
    const flushes: number[] = [];
    for (let start = 0; start < STARTS + 5; start += 1) {
      const began = performance.timeOrigin + performance.now();
      const task = { name: 'one', driver: 'raw_exec', config: STAMP };
      const alloc = await orchestrator.run({
        name: `start-${start}`,
        type: 'batch',
        tasks: [task],
      });
      const chunks: Uint8Array[] = [];
      for await (const { data } of alloc.task('one').logs({ follow: true })) chunks.push(data);
      await alloc.wait();
      const spawned = performance.timeOrigin + performance.now();
      const said = await sayOf(spawn(STAMP.command, STAMP.args));
      flushes.push(flushMs(home));
      // The first ones start the hosts and load the validator.
      if (start < 5) continue;
      latencies.push(stampMs(Buffer.concat(chunks).toString()) - began);
      spawns.push(stampMs(said) - spawned);
    }
    const rate = await batchRate(orchestrator);
    const note = `p95 ${quantile(latencies, 0.95).toFixed(1)} ms; fsync p50 ${median(flushes).toFixed(2)} ms`;
    return [
      {
        name: `run() to first instruction, ${place}`,
        value: median(latencies),
        unit: 'ms',
        target: '<= 10',
        baseline: { name: 'child_process.spawn', value: median(spawns) },
        note,
      },
      { name: `${BATCH} x true, ${place}`, value: rate, unit: 'tasks/s', target: '>= 150' },
    ];
  } finally {
    await orchestrator.close();
    rmSync(home, { recursive: true, force: true });
  }
}

function stampMs(text: string): number {
  return Number(BigInt(text.trim()) / 1_000n) / 1_000;
}

async function sayOf(child: ReturnType<typeof spawn>): Promise<string> {
  let text = '';
  for await (const piece of child.stdout ?? []) text += String(piece);
  return text;
}

async function batchRate(
  orchestrator: Awaited<ReturnType<typeof openOrchestrator>>,
): Promise<number> {
  await delay(2_000);
  const began = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < BATCH; index = next++) {
      const task = { name: 'true', driver: 'raw_exec', config: { command: 'true' } };
      const alloc = await orchestrator.run({
        name: `batch-${index}`,
        type: 'batch',
        tasks: [task],
      });
      const { state } = await alloc.wait();
      if (state !== 'complete') throw new Error(`batch-${index} is ${state}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return (BATCH * 1_000) / (performance.now() - began);
}

function flushMs(dir: string): number {
  const file = openSync(join(dir, 'flush'), 'a');
  writeSync(file, 'x'.repeat(512));
  const began = performance.now();
  fsyncSync(file);
  const tookMs = performance.now() - began;
  closeSync(file);
  return tookMs;
}

if (import.meta.main) {
  printFigures(await benchStart());
  printFigures(await benchStart('/dev/shm', 'tmpfs'));
}
