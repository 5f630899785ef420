/**
 * What a crash point does in the instrumented copy. It is imported there before anything else, and finds its case by the
 * data directory or state directory among the arguments of the process: hosts are started with an empty environment.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  realpathSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { placesOf, type CasePlaces } from './plan.ts';

const places = findPlaces();
const kindOfHost = process.argv.find((word) => word.startsWith('--kind='))?.slice('--kind='.length);

function findPlaces(): CasePlaces | undefined {
  const stateDir = process.argv.find((word) => word.startsWith('--state-dir='));
  const dataDir =
    stateDir === undefined
      ? process.argv.find((word) => word.endsWith('/d'))
      : dirname(stateDir.slice('--state-dir='.length));
  return dataDir === undefined ? undefined : placesOf(dirname(realpathSync(dataDir)));
}

/** Both kinds of host share a main program: there a point is called `host.*` in the source. */
function ownName(point: string): string {
  return point.replace(/^host\./, `${kindOfHost ?? 'host'}.`);
}

function crashPoint(written: string): void {
  if (places === undefined) return;
  const point = ownName(written);
  appendFileSync(join(places.reachedDir, point), '.');
  let index = 0;
  while (existsSync(join(places.actedDir, String(index)))) index += 1;
  const strike = readStrike(places, index);
  if (strike?.point !== point) return;
  if (arrival(places, index) !== strike.nth) return;
  // One process strikes, whoever else arrives at the same time.
  if (!createdOnce(join(places.actedDir, String(index)), String(process.pid))) return;
  act(strike.action, strike.ms, point);
}

function readStrike(
  { planDir }: CasePlaces,
  index: number,
): { point: string; nth: number; action: string; ms: number } | undefined {
  try {
    const words = readFileSync(join(planDir, String(index)), 'utf8')
      .trim()
      .split(' ');
    const [point = '', nth, action = '', ms] = words;
    return { point, nth: Number(nth), action, ms: Number(ms) };
  } catch {
    return undefined;
  }
}

/** The number of this arrival, over all processes: the first free name is its own. */
function arrival({ countDir }: CasePlaces, index: number): number {
  for (let number = 1; ; number += 1) {
    if (createdOnce(join(countDir, `${index}.${number}`), '')) return number;
  }
}

function createdOnce(path: string, text: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, 'wx');
  } catch {
    return false;
  }
  writeSync(fd, text);
  closeSync(fd);
  return true;
}

function act(action: string, ms: number, point: string): void {
  if (action === 'kill') {
    process.kill(process.pid, 'SIGKILL');
    sleep(60_000);
  } else if (action === 'stop') {
    process.kill(process.pid, 'SIGSTOP');
    sleep(1);
  } else if (action === 'delay') {
    sleep(ms);
  } else {
    const text = `EIO: i/o error, injected at ${point}`;
    throw Object.assign(new Error(text), { code: 'EIO', errno: -5, syscall: 'write' });
  }
}

/** Blocks the thread, as a slow system call would. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Makes another machine epoch of the same machine, once the rig has "restarted" it. */
function epochSuffix(): string {
  try {
    return places === undefined ? '' : readFileSync(places.epochFile, 'utf8').trim();
  } catch {
    return '';
  }
}

export function installCrashPoints(): void {
  Object.assign(globalThis, { crashPoint, epochSuffix });
}
