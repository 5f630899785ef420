/** One setup at a time in one checkout: a directory is the lock, and one that a dead process left is taken over. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 200;
const PATIENCE_MS = 15 * 60_000;
/** A lock without a readable owner is one that is just being made, for so long. */
const YOUNG_MS = 10_000;

/** Resolves with the way to give the lock back, which also happens when the process ends. */
export async function takeSetupLock(dir, say, fail) {
  const deadline = Date.now() + PATIENCE_MS;
  let hasSaid = false;
  while (!tryLock(dir, fail)) {
    if (isAbandoned(dir)) {
      breakLock(dir);
      continue;
    }
    if (!hasSaid)
      say(`another setup is at work (process ${ownerOf(dir)?.pid ?? '?'}): waiting for it`);
    hasSaid = true;
    if (Date.now() > deadline)
      fail(`${dir} is held for too long: remove it when nobody is at work`);
    await delay(POLL_MS);
  }
  const release = () => rmSync(dir, { recursive: true, force: true });
  process.on('exit', release);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
  return release;
}

function tryLock(dir, fail) {
  try {
    mkdirSync(dir);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    return fail(`the checkout cannot be written: ${error.message}`);
  }
  const owner = { pid: process.pid, startTime: startTimeOf(process.pid) };
  writeFileSync(join(dir, 'owner.json'), JSON.stringify(owner));
  return true;
}

function ownerOf(dir) {
  try {
    return JSON.parse(readFileSync(join(dir, 'owner.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** The kernel's start time tells a process from a later one with the same pid. */
function startTimeOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function isAbandoned(dir) {
  const owner = ownerOf(dir);
  if (owner !== undefined) return startTimeOf(owner.pid) !== owner.startTime;
  return isOld(dir);
}

function isOld(dir) {
  try {
    return Date.now() - statSync(dir).mtimeMs > YOUNG_MS;
  } catch {
    return false;
  }
}

/** Two that find the same dead owner must not remove the lock of the one that was faster: only one breaks it. */
function breakLock(dir) {
  const breaking = `${dir}-breaking`;
  try {
    mkdirSync(breaking);
  } catch {
    if (isOld(breaking)) rmSync(breaking, { recursive: true, force: true });
    return;
  }
  if (isAbandoned(dir)) rmSync(dir, { recursive: true, force: true });
  rmSync(breaking, { recursive: true, force: true });
}
