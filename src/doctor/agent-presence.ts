/** Who holds a data directory, and does it answer? */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectOrchestrator } from '../client/connect-orchestrator.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import type { Layout } from '../layout.ts';
import { lockFacts, namelessHolder, strayHolders } from '../log/store-lock.ts';
import { attempt } from '../log/torn-store.ts';
import { lockHolder } from '../os/file-lock.ts';
import { isStopped } from '../os/process-identity.ts';
import { probeSocket, wasRemoved } from '../rpc/unix-socket.ts';
import { agentSocket, isWaiting } from '../server/agent-socket.ts';
import { failure, fine, warning, type Finding } from './finding.ts';
import { sinkFindings } from './sinks.ts';

export interface AgentPresence {
  readonly isThere: boolean;
  readonly findings: readonly Finding[];
}

const CHECK = 'agent';
const ANSWER_MS = 3_000;
/** An opening that takes longer than this is worth a look. */
const PATIENCE_MS = 60_000;

export async function agentPresence(layout: Layout, now: number): Promise<AgentPresence> {
  const nameless = namelessHolder(layout.stateDir);
  if (nameless !== undefined) {
    const text = `pid ${nameless.pid} holds the lock, and somebody removed its file: no other agent comes in`;
    return present(failure(CHECK, text, restart(nameless.pid)));
  }
  const { isThere, findings } = await presenceOf(layout, now);
  const strays = attempt(() => strayHolders(layout.stateDir)) ?? [];
  const lost = strays.map((pid) =>
    failure(CHECK, `pid ${pid} uses this directory, and somebody removed its lock`, restart(pid)),
  );
  return { isThere, findings: [...findings, ...lost] };
}

async function presenceOf(layout: Layout, now: number): Promise<AgentPresence> {
  const pid = holderOf(layout);
  const socket = agentSocket(layout.dataDir);
  const ear = await probeSocket(socket);
  if (pid === undefined) {
    if (ear === 'listening') return present(...(await answerOf(socket)));
    return { isThere: false, findings: [fine(CHECK, 'none runs on this data directory')] };
  }
  const who = pid === 0 ? 'a process of another pid namespace' : `pid ${pid}`;
  const remedy = wayOn(pid);
  if (remedy !== undefined) return present(failure(CHECK, `${who} is stopped`, remedy));
  if (wasRemoved(socket)) {
    const text = `${who} listens, and somebody removed its socket ${socket}: no command reaches it`;
    return present(failure(CHECK, text, restart(pid)));
  }
  if (ear !== 'listening') return present(deafFinding(layout, pid, who, now));
  const held = fine(CHECK, `${who} holds the lock and listens on ${socket}`);
  return present(held, ...(await answerOf(socket)));
}

function present(...findings: readonly Finding[]): AgentPresence {
  return { isThere: true, findings };
}

/** The pid of the process that holds the lock, 0 for one of another pid namespace. */
export function holderOf({ stateDir }: Pick<Layout, 'stateDir'>): number | undefined {
  return lockHolder(join(stateDir, 'lock'));
}

/** What it says of itself that an operator should know; nothing when all is well. */
async function answerOf(socket: string): Promise<readonly Finding[]> {
  try {
    await using agent = await connectOrchestrator({ socket, deadlineMs: ANSWER_MS });
    const { startsHeld, sinks } = await agent.agent();
    const held = startsHeld.map((hold) => {
      const [text, remedy] = HOLDS[hold] ?? [hold, null];
      return warning('starts', `they wait: ${text}`, remedy);
    });
    return [...held, ...sinkFindings(sinks)];
  } catch (error) {
    const text = messageOf(error);
    if (HoldfastError.is(error) && isWaiting(error)) {
      return [
        failure(CHECK, text, 'mend what it names; it goes on by itself, and its tasks go on'),
      ];
    }
    return [failure(CHECK, `it does not answer: ${text}`, 'look at its log')];
  }
}

const HOLDS: Readonly<Record<string, readonly [text: string, remedy: string | null]>> = {
  'boot-sweep': ['the agent still looks at what an earlier one left', null],
  'disk-low': ['the disk is below the floor of the agent', 'make room; starts go on by themselves'],
  'safe-mode': [
    'agents died too often here, and this one starts nothing for a minute (safe mode)',
    'see in its log why the others died',
  ],
};

function deafFinding(layout: Layout, pid: number, who: string, now: number): Finding {
  const text = `${who} holds the lock and has no socket`;
  if (!isCommand(pid)) return fine(CHECK, `${text}: a program that embeds Holdfast`);
  const since = Date.parse(lockFacts(layout.stateDir)?.since ?? '');
  // Whoever set the clock back meanwhile is told so elsewhere.
  if (!(now - since > PATIENCE_MS)) return fine(CHECK, `${text}: an agent that is not ready yet`);
  return failure(CHECK, `${text}: no command reaches this agent`, restart(pid));
}

/** How a process that was stopped goes on; undefined for one that was not. */
export function wayOn(pid: number): string | undefined {
  return isStopped(pid) ? `kill -CONT ${pid}` : undefined;
}

export function restart(pid: number): string {
  return `kill ${pid}: its tasks go on; then start an agent, which adopts them`;
}

/** Is it `holdfast agent`, and not a program that embeds the library? */
function isCommand(pid: number): boolean {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return (
      argv.includes('agent') && argv.some((word) => /\/(cli\/main\.[jt]s|holdfast)$/.test(word))
    );
  } catch {
    return false;
  }
}
