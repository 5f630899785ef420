/** The frame of every drill: how large it is, what it found, and the report of it. */
import { messageOf } from '../../src/errors.ts';
import { randomOf } from '../machines/random-facts.ts';
import type { Patch } from '../patch.ts';
import { lacking, type Privilege, type Tool } from './tools.ts';

export interface Drill {
  readonly name: string;
  /** What it shows, as the title of a test. */
  readonly promise: string;
  readonly tools: readonly Tool[];
  readonly privileges: readonly Privilege[];
  /** What its controls break: it must notice each. */
  readonly mutants?: readonly (readonly Patch[])[];
  /** How many cases the share of CI has, and the whole. */
  readonly cases: { readonly share: number; readonly full: number };
  /** Throws only when the rig itself is broken; what the package does wrong is told to `findings`. */
  run(findings: Findings, cases: number): Promise<void>;
}

export interface Failure {
  readonly case: string;
  readonly text: string;
  readonly seed: number;
}

/** What one drill found. */
export class Findings {
  readonly seed: number;
  /** In [0, 1), the same for the same seed. */
  readonly random: () => number;
  readonly figures: Record<string, number> = {};
  readonly controls: Record<string, string> = {};
  readonly failures: Failure[] = [];

  readonly #onFailure: (failure: Failure) => void;

  constructor(seed: number, onFailure: (failure: Failure) => void = () => undefined) {
    this.seed = seed;
    this.#onFailure = onFailure;
    this.random = randomOf(seed);
  }

  count(figure: string, by = 1): void {
    this.figures[figure] = (this.figures[figure] ?? 0) + by;
  }

  fail(name: string, text: string): void {
    const failure = { case: name, text, seed: this.seed };
    this.failures.push(failure);
    this.#onFailure(failure);
  }

  /** Runs one case; what it throws is its failure. */
  async attempt(name: string, work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail(name, messageOf(error));
    }
  }

  /** A rig whose control finds nothing is broken, and that is a failure. */
  control(name: string, isCaught: boolean, text: string): void {
    this.controls[name] = text;
    if (!isCaught) this.fail(`control: ${name}`, `passed although it must fail: ${text}`);
  }

  /** A whole number in [from, below). */
  between(from: number, below: number): number {
    return from + Math.floor(this.random() * (below - from));
  }

  pick<T>(among: readonly T[]): T {
    const chosen = among[this.between(0, among.length)];
    if (chosen === undefined) throw new Error('nothing to choose from');
    return chosen;
  }
}

/** Runs a drill. One that is impossible on this machine says so among its controls; it is no success. */
export async function performDrill(
  drill: Drill,
  cases: number,
  seed: number,
  onFailure?: (failure: Failure) => void,
): Promise<Findings> {
  const findings = new Findings(seed, onFailure);
  const reason = lacking(drill.tools, drill.privileges);
  if (reason === undefined) await drill.run(findings, cases);
  else findings.controls['not run'] = reason;
  return findings;
}
