/** What the engine and the claim say of a run, as evidence: pure, and what could not be looked up is unknown. */
import { constants } from 'node:os';
import type { ContainerFacts } from '../../engine/engine.ts';
import type { Evidence } from '../../machines/start-decision.ts';
import type { DriverNetwork, ProcessFacts } from '../../machines/task-messages.ts';
import type { AssignedPort } from '../../spec/network-spec.ts';
import type { RunOutcome, RunSighting } from '../driver.ts';
import type { Claim } from '../run-claims.ts';
import type { DockerConfig } from './config.ts';
import { publishedPorts } from './container-network.ts';

/** What has its name at the engine. `foreign`: somebody else's, which is never touched. */
export type Found =
  | { readonly is: 'absent' }
  | { readonly is: 'foreign'; readonly facts: ContainerFacts }
  | { readonly is: 'ours'; readonly facts: ContainerFacts };

/** What of a sighting comes from outside. */
export interface SightFacts {
  readonly machineEpoch: string;
  /** Before this the machine was not up, in wall-clock milliseconds; undefined: the run is of this machine epoch. */
  readonly bootedAt: number | undefined;
  readonly process: ProcessFacts | undefined;
  readonly network: DriverNetwork | undefined;
}

/** Noted before the engine is asked to start this very container. */
export function begunNote(id: string): string {
  return `${BEGUN}${id}`;
}

const BEGUN = 'begun ';

/**
 * Was the run begun, and is what has its name now not what it was begun as? A create that arrives late makes one of
 * the same name and labels, which must never be started: only an id is never used again.
 */
export function isOutlived(found: Found, { notes }: Pick<Claim, 'notes'>): boolean {
  const begun = notes.filter((note) => note.startsWith(BEGUN));
  return begun.length > 0 && (found.is !== 'ours' || !begun.includes(begunNote(found.facts.id)));
}

/** Is its program at work, or about to be? */
export function isLiving({ state }: ContainerFacts): boolean {
  return ['running', 'paused', 'restarting'].includes(state.status);
}

export function hasBegun({ state }: ContainerFacts): boolean {
  return state.startedAt !== undefined;
}

/** The engine did not answer: nothing is started, and nothing is dead. */
export function unknownSight({ dir, fate }: Claim): RunSighting {
  const evidence: Evidence = {
    epoch: 'same',
    dir,
    claim: 'unknown',
    fate,
    exit: 'none',
    tree: 'unknown',
  };
  return { evidence };
}

export function sightOf(found: Found, claim: Claim, facts: SightFacts): RunSighting {
  const plain = { epoch: 'same', dir: claim.dir, exit: 'none', tree: 'dead' } as const;
  if (found.is === 'ours' && isLiving(found.facts)) {
    const { process, network } = facts;
    const evidence = { ...plain, claim: 'dead', fate: 'launch', tree: 'alive' } as const;
    return { evidence, process, network };
  }
  if (found.is === 'ours' && hasBegun(found.facts)) {
    const outcome = outcomeOf(found.facts, claim, facts);
    const exit = outcome.kind === 'lost' ? 'none' : 'valid';
    const evidence = { ...plain, claim: 'dead', fate: 'launch', exit } as const;
    return { evidence, outcome, process: facts.process };
  }
  if (claim.fate === 'abort') return { evidence: { ...plain, claim: 'none', fate: 'abort' } };
  if (claim.maker === 'busy' || claim.maker === 'unknown') return unknownSight(claim);
  // It was asked to be started, and is not there any more: it may have run.
  if (isOutlived(found, claim)) return { evidence: { ...plain, claim: 'dead', fate: 'launch' } };
  return { evidence: { ...plain, claim: 'none', fate: 'none' } };
}

/** An exit status is never made up: an engine that does not know when a container ended does not know how. */
export function outcomeOf(
  { state }: ContainerFacts,
  { notes }: Pick<Claim, 'notes'>,
  { bootedAt }: Pick<SightFacts, 'bootedAt'>,
): RunOutcome {
  const { finishedAt, exitCode, oomKilled } = state;
  if (finishedAt === undefined) {
    return { kind: 'lost', reason: 'the engine does not know how it ended', maybeRan: true };
  }
  if (bootedAt !== undefined && finishedAt >= bootedAt) {
    return { kind: 'lost', reason: 'the machine was restarted', maybeRan: true };
  }
  const signal = signalOf(exitCode, oomKilled, notes);
  const exit = { exitCode: signal === null ? exitCode : null, signal, oomKilled };
  return { kind: 'exited', exit: { ...exit, exitedAt: finishedAt } };
}

export function signalNote(signal: string): string {
  return `signal ${signal}`;
}

/** The engine says 143 of a program that ended by SIGTERM, and of one that said so itself: what was sent decides. */
function signalOf(exitCode: number, oomKilled: boolean, notes: readonly string[]): string | null {
  const [name] = Object.entries(constants.signals).find(([, no]) => exitCode === 128 + no) ?? [];
  if (name === undefined) return null;
  const wasSent = notes.includes(signalNote(name)) || (oomKilled && name === 'SIGKILL');
  return wasSent ? name : null;
}

/** Undefined for a container without an address of its own. */
export function networkOf(
  { networks }: ContainerFacts,
  config: DockerConfig,
  ports: readonly AssignedPort[],
): DriverNetwork | undefined {
  const { networkMode: mode = 'default', advertiseIpv6Address } = config;
  const own = Object.values(networks).find(({ ip, ip6 }) => ip !== '' || ip6 !== '');
  if (own === undefined || mode === 'host' || mode.startsWith('container:')) return undefined;
  const labels = publishedPorts(config, ports).map(({ label, inside }) => [label, inside] as const);
  return {
    ip: (advertiseIpv6Address && own.ip6) || own.ip || own.ip6,
    ports: Object.fromEntries(labels),
    // As with Nomad: only a network that somebody chose reaches others than this machine.
    isAdvertised: mode !== 'default' && mode !== 'bridge',
  };
}
