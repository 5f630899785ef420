/** The cgroup of one run on this machine: made, joined, looked at and removed. Synchronous: each takes microseconds. */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { type CgroupLayout, cgroupPoints, isCgroupOfRun, trackingPoint } from './cgroup-layout.ts';
import { isLaunchKey } from './launch-key.ts';
import type { CgroupPlan, CgroupStep } from './cgroup-plan.ts';

/** The errors that say that a cgroup is gone, or is going. */
const GONE = new Set(['ENOENT', 'ENODEV']);
const NO_ROOM = new Set(['ENOSPC', 'ENOMEM', 'EAGAIN']);

/**
 * Carries out a plan; may be repeated. Throws START_FAILED, or RESOURCES_EXHAUSTED when the kernel has no room, with
 * the file and what the kernel said of it.
 */
export function makeCgroup(plan: CgroupPlan): void {
  try {
    carryOut(plan);
  } catch (error) {
    // Whoever ended its last run may be removing the directories above at this moment.
    if (!GONE.has(errnoOf(error) ?? '')) throw refusal(error);
    try {
      carryOut(plan);
    } catch (again) {
      throw refusal(again);
    }
  }
}

function carryOut({ steps }: CgroupPlan): void {
  for (const step of steps) carryOutStep(step);
}

function carryOutStep(step: CgroupStep): void {
  if (step.is === 'directory') return makeDirectory(step.path);
  if (step.is === 'enable') return enable(step.dir, step.controllers);
  if (step.is === 'inherit') {
    if (readFileSync(step.file, 'utf8').trim() !== '') return;
    return writeFileSync(step.file, readFileSync(step.from, 'utf8'));
  }
  try {
    // Not created: a kernel file is there or the limit cannot be set.
    writeFileSync(step.file, step.text, { flag: 'r+' });
  } catch (error) {
    if (step.isOptional !== true || errnoOf(error) !== 'ENOENT') throw error;
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

function enable(dir: string, controllers: readonly string[]): void {
  const file = `${dir}/cgroup.subtree_control`;
  const enabled = new Set(readFileSync(file, 'utf8').trim().split(' '));
  const missing = controllers.filter((name) => !enabled.has(name));
  if (missing.length === 0) return;
  writeFileSync(file, missing.map((name) => `+${name}`).join(' '));
}

function refusal(error: unknown): HoldfastError {
  const errno = errnoOf(error) ?? '';
  const code = NO_ROOM.has(errno) ? 'RESOURCES_EXHAUSTED' : 'START_FAILED';
  const message = `the cgroup of the run could not be made: ${messageOf(error)}`;
  return new HoldfastError(code, message, { cause: error, details: { errno } });
}

/** Where the processes of the run are told apart; undefined when the path is none of a run's. */
export function trackingDir(layout: CgroupLayout, path: string): string | undefined {
  const point = trackingPoint(layout);
  return point === undefined || !isCgroupOfRun(path) ? undefined : `${point}${path}`;
}

/** A cgroup that can be nobody's but a run's, of whatever instance. */
export interface RunCgroup {
  readonly instanceId: string;
  readonly launchKey: string;
  /** In the hierarchy by which runs are tracked. */
  readonly dir: string;
}

/** Every one below our parent directory, empty ones too. */
export function cgroupsOfRuns(layout: CgroupLayout): readonly RunCgroup[] {
  const point = trackingPoint(layout);
  if (point === undefined) return [];
  const top = `${point}${layout.parent}`;
  return childrenOf(top).flatMap((instance) =>
    childrenOf(instance)
      .filter((dir) => isLaunchKey(basename(dir)))
      .map((dir) => ({ instanceId: basename(instance), launchKey: basename(dir), dir })),
  );
}

export interface CgroupMembers {
  readonly pids: readonly number[];
  /** False when something could not be read. */
  readonly isComplete: boolean;
}

/** Processes of a cgroup and of those below it, which a task may have made. None of one that is gone. */
export function cgroupMembers(dir: string): CgroupMembers {
  const pids: number[] = [];
  let isComplete = true;
  for (const one of [dir, ...cgroupsBelow(dir)]) {
    const text = lookAt(`${one}/cgroup.procs`);
    if (text === undefined) isComplete = false;
    // 0 is a process of another pid namespace: nobody here can name it.
    for (const line of text?.split('\n') ?? []) if (Number(line) > 0) pids.push(Number(line));
  }
  return { pids: [...new Set(pids)], isComplete };
}

/** Proved: nothing lives in it or below it, or it is gone. */
export function isCgroupEmpty(dir: string): boolean {
  const events = lookAt(`${dir}/cgroup.events`);
  if (events !== undefined && events !== '') return /^populated 0$/m.test(events);
  const { pids, isComplete } = cgroupMembers(dir);
  return isComplete && pids.length === 0;
}

/** The cgroups below `dir`, outermost first. */
export function cgroupsBelow(dir: string): readonly string[] {
  return childrenOf(dir).flatMap((child) => [child, ...cgroupsBelow(child)]);
}

function childrenOf(dir: string): readonly string[] {
  try {
    const entries = readdirSync(dir, { withFileTypes: true });
    return entries.filter((one) => one.isDirectory()).map((one) => `${dir}/${one.name}`);
  } catch {
    return [];
  }
}

/** The text of a kernel file: empty when its cgroup is gone, undefined when it cannot be read. */
export function lookAt(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return GONE.has(errnoOf(error) ?? '') ? '' : undefined;
  }
}

/**
 * Removes the cgroup of a run from every hierarchy, deepest first; its parents stay. True when nothing of it is left;
 * what still has members stays.
 */
export function removeCgroup(layout: CgroupLayout, path: string): boolean {
  if (!isCgroupOfRun(path)) return true;
  let isGone = true;
  for (const point of cgroupPoints(layout)) {
    const dir = `${point}${path}`;
    for (const one of [dir, ...cgroupsBelow(dir)].toReversed()) {
      if (!removeDirectory(one)) isGone = false;
    }
  }
  return isGone;
}

/** Removes the directory of an instance where no run of it is left. */
export function removeInstanceCgroup(layout: CgroupLayout, instanceId: string): void {
  for (const point of cgroupPoints(layout)) {
    removeDirectory(`${point}${layout.parent}/${instanceId}`);
  }
}

function removeDirectory(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch (error) {
    return GONE.has(errnoOf(error) ?? '');
  }
}
