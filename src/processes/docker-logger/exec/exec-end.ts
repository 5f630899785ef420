/** What an engine's exit code of a command means. */
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../../../engine/engine.ts';
import type { ProcessEnd } from '../../../os/attached-process.ts';

const KILLED = 137;
/** The engine hears of the end of a container after that of the commands in it. */
const LOOKS = 5;
const LOOK_MS = 60;

/** The engine says 143 of a command that ended by SIGTERM, and of one that said so itself: what was sent decides. */
export function endOf(exitCode: number, sent: ReadonlySet<string>): ProcessEnd {
  const [name] = Object.entries(constants.signals).find(([, no]) => exitCode === 128 + no) ?? [];
  const wasSent = name !== undefined && sent.has(name);
  return wasSent ? { exitCode: null, signal: name } : { exitCode, signal: null };
}

/** With the first process of a container the kernel ends all others. */
export async function endedByContainer(
  engine: Engine,
  containerId: string,
  exitCode: number,
): Promise<boolean> {
  if (exitCode !== KILLED) return false;
  for (let look = 0; look < LOOKS; look += 1) {
    const facts = await engine.inspectContainer(containerId).catch(() => undefined);
    if (facts === undefined || !['running', 'paused'].includes(facts.state.status)) return true;
    await delay(LOOK_MS);
  }
  return false;
}
