/** What the rig itself does to a case: kills from outside, the machine started anew, a second agent. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CaseStage } from './case.ts';
import type { CasePlaces, Strike } from './plan.ts';
import type { Play } from './play.ts';
import { killAtOnce, processesOf, send, statOf, type Role } from './processes.ts';
import { FOREIGN_KEY } from './canary.ts';

/** Does it and notes that it has landed. */
export async function strikeFromOutside(
  play: Play,
  action: Strike['action'],
  index: number,
  stage: CaseStage,
): Promise<void> {
  const { places } = play;
  switch (action) {
    case 'kill-agent':
      kill(places, ['life']);
      break;
    case 'kill-executor':
      kill(places, ['executor']);
      break;
    case 'kill-logmon':
      kill(places, ['logmon']);
      break;
    case 'kill-shim':
      kill(places, ['shim']);
      break;
    case 'kill-run':
      kill(places, ['shim', 'program']);
      break;
    case 'reboot':
      kill(places, ['life', 'executor', 'logmon', 'shim', 'program', 'other']);
      writeFileSync(places.epochFile, `.again-${index}`);
      break;
    case 'reuse-pids':
      reusePids(places, stage);
      break;
    case 'rival':
      await meetRival(play);
      break;
    case 'usurper':
      await beReplaced(play);
      break;
    default:
      throw new Error(`the rig cannot ${action}`);
  }
  writeFileSync(join(places.actedDir, String(index)), '0');
}

/** Again as long as there are some: one may be born while the others are counted. */
function kill({ caseDir }: CasePlaces, roles: readonly Role[]): void {
  for (let tries = 0; tries < 10; tries += 1) {
    const found = processesOf(caseDir).filter(({ role }) => roles.includes(role));
    if (found.length === 0) return;
    killAtOnce(found);
  }
}

/**
 * As if the kernel had given the pids of a run to somebody else while no agent lived: the files go on naming the pid
 * and its start time, and under that pid lives the bystander, who was born at another time.
 */
function reusePids(places: CasePlaces, { canary }: CaseStage): void {
  kill(places, ['life', 'executor', 'logmon', 'shim', 'program', 'other']);
  const runs = join(places.dataDir, 'state', 'run');
  for (const key of readdirSync(runs).filter((name) => name !== FOREIGN_KEY)) {
    for (const file of ['fate', 'identity']) {
      const path = join(runs, key, file);
      try {
        const text = readFileSync(path, 'latin1');
        writeFileSync(path, text.replaceAll(/\d+ \(/g, `${canary.pid} (`), 'latin1');
      } catch {
        // This run had not come so far.
      }
    }
  }
}

/** A second agent beside one that is stopped and holds the lock: it is refused, and the first goes on. */
async function meetRival(play: Play): Promise<void> {
  const first = play.agent;
  first?.kill('SIGSTOP');
  const rival = play.startLife();
  const code = await new Promise((resolve) => rival.once('exit', resolve));
  if (code !== 3) {
    const text = `a second agent was not refused: it ended with ${String(code)}`;
    play.faults.push({ kind: 'doubled', text });
  }
  first?.kill('SIGCONT');
}

/** The lock of a stopped agent is taken away: another one takes over, and the first finds out when it wakes up. */
async function beReplaced(play: Play): Promise<void> {
  const first = play.agent;
  if (first?.pid === undefined) return;
  const stateDir = join(play.places.dataDir, 'state');
  first.kill('SIGSTOP');
  const born = statOf(first.pid)?.startTime;
  for (const name of readdirSync(stateDir).filter((name) => name.startsWith('lock'))) {
    rmSync(join(stateDir, name), { force: true });
  }
  play.agent = play.startLife();
  await newAgentStands(play);
  first.kill('SIGCONT');
  for (let tries = 0; tries < 1_500; tries += 1) {
    if (statOf(first.pid)?.startTime !== born || first.exitCode !== null) return endedOf(play);
    await delay(10);
  }
  play.faults.push({ kind: 'doubled', text: 'an agent that was replaced has not ended in 15 s' });
  send(first.pid, 'SIGKILL');
}

/** Only the fence may have ended it: whatever else stood in its way was luck. */
function endedOf({ places, faults }: Play): void {
  const log = readFileSync(join(places.caseDir, 'agent.log'), { encoding: 'utf8', flag: 'a+' });
  if (log.includes('EPOCH_STALE')) return;
  faults.push({ kind: 'doubled', text: 'an agent that was replaced ended, and not of that' });
}

/** Its lock holder file names it: from there on it is a matter of milliseconds. */
async function newAgentStands(play: Play): Promise<void> {
  const holder = join(play.places.dataDir, 'state', 'lock.json');
  for (let tries = 0; tries < 500; tries += 1) {
    try {
      if (readFileSync(holder, 'utf8').includes(`"pid":${play.agent?.pid}`)) break;
    } catch {
      // Not yet.
    }
    await delay(10);
  }
  await delay(150);
}
