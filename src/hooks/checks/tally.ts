/**
 * What the results of one check add up to. Consul's counting of good and bad results, Nomad's of when a program is
 * restarted (`client/allocrunner/…/check_watcher.go`), with a number of results instead of a time. Pure.
 */
import type { CheckStatus } from '../../events/task-event.ts';
import type { CheckSpec } from '../../spec/check-spec.ts';

export interface Counted {
  /** As it stands now; undefined: nothing is said yet. */
  readonly status: CheckStatus | undefined;
  readonly isRestartDue: boolean;
}

type Counts = Pick<
  CheckSpec,
  'successBeforePassing' | 'failuresBeforeCritical' | 'startPeriodMs' | 'checkRestart'
>;

export class Tally {
  readonly #check: Counts;
  #status: CheckStatus | undefined;
  #good = 0;
  #bad = 0;
  /** Results since the program has been unwell, as far as they count. */
  #unwell = 0;

  /** `status` is what is recorded of this run; the counts begin anew with every agent. */
  constructor(check: Counts, status: CheckStatus | undefined) {
    this.#check = check;
    this.#status = status;
  }

  get status(): CheckStatus | undefined {
    return this.#status;
  }

  /** `ageMs` is how long the program has been running. */
  add(result: CheckStatus, ageMs: number): Counted {
    const { startPeriodMs = 0, checkRestart } = this.#check;
    const hasPassed = this.#status === 'passing' || this.#status === 'warning';
    if (result === 'critical' && ageMs < startPeriodMs && !hasPassed) {
      return { status: this.#status, isRestartDue: false };
    }
    this.#count(result);
    const isUnwell =
      this.#status === 'critical' ||
      (this.#status === 'warning' && checkRestart?.ignoreWarnings !== true);
    if (!isUnwell) this.#unwell = 0;
    else if (ageMs >= (checkRestart?.graceMs ?? 0)) this.#unwell += 1;
    const isRestartDue = checkRestart !== undefined && this.#unwell >= checkRestart.limit;
    return { status: this.#status, isRestartDue };
  }

  #count(result: CheckStatus): void {
    const { successBeforePassing = 1, failuresBeforeCritical = 1 } = this.#check;
    if (result === 'critical') {
      this.#bad += 1;
      this.#good = 0;
      if (this.#bad >= failuresBeforeCritical) this.#status = result;
    } else {
      this.#good += 1;
      this.#bad = 0;
      if (this.#good >= successBeforePassing) this.#status = result;
    }
  }
}
