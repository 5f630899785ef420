/**
 * What goes wrong, and when. A seed turns some kinds on and gives each a rate; every place where something may go wrong
 * asks here. Whether it does depends on the seed, the kind and how often that kind was asked, and on nothing else, so
 * that leaving one fault out moves no other: that is what makes a failing seed shrink.
 */
import { Chance, hash } from './chance.ts';

export const FAULT_KINDS = [
  /** A process dies right before or right after a system call, a call to a host or a commit. */
  'killAgent',
  'killExecutor',
  'killLogmon',
  'killShim',
  /** A process stands still for a while and then goes on as if nothing had happened. */
  'stopAgent',
  'stopExecutor',
  'stopShim',
  /** The power goes and the machine comes up again. */
  'reboot',
  /** An append fails and has written nothing; fails and has written all. */
  'appendFails',
  'appendLies',
  'diskFull',
  /** A system call of the agent or of a host fails. */
  'ioError',
  /** /proc or a file of a run cannot be read. */
  'blind',
  /** A call to a host gets lost on its way; is done and its answer gets lost; is done twice; takes long. */
  'callLost',
  'answerLost',
  'callTwice',
  'callLate',
  /** The connection to a living host ends. */
  'cut',
  /** No process can be started. */
  'spawnFails',
  /** A shim takes its time before each of its steps. */
  'slowShim',
  'wallJump',
  /** A second agent comes although the first lives: it stands still, and its lock was taken away. */
  'twoAgents',
  'hookFails',
  'hookSlow',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** How often each kind strikes where it is asked, before the seed's own factor. */
const RATES: Readonly<Record<FaultKind, number>> = {
  killAgent: 0.004,
  killExecutor: 0.004,
  killLogmon: 0.01,
  killShim: 0.02,
  stopAgent: 0.002,
  stopExecutor: 0.002,
  stopShim: 0.02,
  reboot: 0.25,
  appendFails: 0.01,
  appendLies: 0.01,
  diskFull: 0.5,
  ioError: 0.003,
  blind: 0.01,
  callLost: 0.04,
  answerLost: 0.04,
  callTwice: 0.08,
  callLate: 0.04,
  cut: 0.02,
  spawnFails: 0.08,
  slowShim: 0.3,
  wallJump: 0.5,
  twoAgents: 0.25,
  hookFails: 0.08,
  hookSlow: 0.15,
};

export interface Strike {
  readonly kind: FaultKind;
  /** How often this kind had been asked before. */
  readonly index: number;
  readonly where: string;
}

/** Which faults may happen: what a shrunk case names. */
export interface FaultChoice {
  readonly kinds?: readonly FaultKind[];
  /** `kind#index` of the only strikes that happen. */
  readonly only?: ReadonlySet<string>;
}

export class Faults {
  readonly struck: Strike[] = [];
  readonly rates: ReadonlyMap<FaultKind, number>;
  isOver = false;
  readonly #seed: number;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #asked = new Map<FaultKind, number>();

  constructor(seed: number, choice: FaultChoice = {}) {
    this.#seed = seed;
    this.#only = choice.only;
    const chance = new Chance(seed, 'swarm');
    // Some seeds are all quiet, some are a storm: bugs hide between kinds that drown each other.
    const share = chance.pick([0, 0.1, 0.2, 0.35, 0.6]);
    const rates = FAULT_KINDS.map((kind): [FaultKind, number] => {
      const factor = chance.pick([0.3, 1, 1, 3]);
      return [kind, chance.isHit(share) ? Math.min(1, RATES[kind] * factor) : 0];
    });
    const isAllowed = (kind: FaultKind): boolean => choice.kinds?.includes(kind) ?? true;
    this.rates = new Map(rates.filter(([kind, rate]) => rate > 0 && isAllowed(kind)));
  }

  get kinds(): readonly FaultKind[] {
    return [...this.rates.keys()];
  }

  /** Does it go wrong here? */
  strike(kind: FaultKind, where: string): boolean {
    const rate = this.rates.get(kind);
    if (rate === undefined || this.isOver) return false;
    const index = this.#asked.get(kind) ?? 0;
    this.#asked.set(kind, index + 1);
    if (hash(`${this.#seed} ${kind} ${index}`) / 2 ** 32 >= rate) return false;
    if (this.#only !== undefined && !this.#only.has(`${kind}#${index}`)) return false;
    this.struck.push({ kind, index, where });
    return true;
  }
}
