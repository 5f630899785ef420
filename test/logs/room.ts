/** What the drills of this room share: an agent on a machine, the agent of a mutant, and output as a user reads it. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogQuery, Orchestrator } from '../../src/api.ts';
import type { OutputStream } from '../../src/output/segments.ts';
import { Machine, until } from '../acceptance/rig.ts';
import { copyPackage } from '../faults/patched-copy.ts';
import type { Patch } from '../patch.ts';
import { NumberedCheck } from './numbered-text.ts';

export const STREAMS = ['stdout', 'stderr'] as const;

/** With a directory of its own; nothing of it is left. */
export async function withDir<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'hf-logs-'));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** With a machine on which no agent runs yet; nothing of it is left. */
export async function withMachine<T>(
  work: (machine: Machine) => Promise<T>,
  command?: string,
): Promise<T> {
  const machine = new Machine(command);
  try {
    return await work(machine);
  } finally {
    await machine.scrap();
  }
}

/** With a copy of the package that has a fault: `home` is its directory, `command` what a user of it types. */
export function withMutant<T>(
  patches: readonly Patch[],
  work: (command: string, home: string) => Promise<T>,
): Promise<T> {
  return withDir((dir) => {
    const home = join(dir, 'mutant');
    copyPackage(home, patches);
    return work(join(home, 'bin/holdfast'), home);
  });
}

/** Gives every chunk of an output to `take`. */
export async function readAll(
  agent: Orchestrator,
  ref: string,
  query: LogQuery,
  take: (data: Uint8Array, stream: OutputStream) => void,
): Promise<void> {
  for await (const { data, stream, gap } of agent.logs(ref, query)) {
    if (gap !== undefined) throw new Error(`${stream} of ${ref} has a gap: ${JSON.stringify(gap)}`);
    take(data, stream);
  }
}

/** SHA-256 of what each stream holds. */
export async function digestsOf(
  agent: Orchestrator,
  ref: string,
): Promise<Readonly<Record<OutputStream, string>>> {
  const hashes = { stdout: createHash('sha256'), stderr: createHash('sha256') };
  await readAll(agent, ref, {}, (data, stream) => void hashes[stream].update(data));
  return { stdout: hashes.stdout.digest('hex'), stderr: hashes.stderr.digest('hex') };
}

export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** How many bytes a task of `numberedTask` says it wrote, once it has ended. */
export async function writtenBy(
  stop: string,
  task: string,
): Promise<Readonly<Record<OutputStream, number>>> {
  const path = `${stop}.${task}`;
  await until(`${task} has ended`, () => existsSync(path));
  const [stdout = Number.NaN, stderr = Number.NaN] = readFileSync(path, 'utf8')
    .split(' ')
    .map(Number);
  return { stdout, stderr };
}

/** What is wrong with the output of such a task, undefined when every byte is there, once and in order. */
export async function faultInNumbered(
  agent: Orchestrator,
  ref: string,
  written: Readonly<Record<OutputStream, number>>,
): Promise<string | undefined> {
  const checks = { stdout: new NumberedCheck(), stderr: new NumberedCheck() };
  await readAll(agent, ref, {}, (data, stream) => checks[stream].push(data));
  for (const stream of STREAMS) {
    const fault = checks[stream].verdict(written[stream]);
    if (fault !== undefined) return `${stream} of ${ref}: ${fault}`;
  }
  return undefined;
}
