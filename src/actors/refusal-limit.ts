/** How many refusals are written down: whoever is refused a thousand times a second shall not fill the disk with it. */
import type { Clock } from '../ports.ts';

const WINDOW_MS = 60_000;
const MOST = 60;
/** Of one caller, so that one cannot hide what others do. */
const MOST_OF_ONE = 10;

export interface RefusalDoors<T> {
  readonly clock: Clock;
  /** `unrecorded`: how many were only counted since the last call. */
  readonly record: (refusal: T, unrecorded: number) => void;
}

export class RefusalLimit<T> {
  readonly #doors: RefusalDoors<T>;
  readonly #counts = new Map<string, number>();
  #recorded = 0;
  #unrecorded = 0;
  #last: T | undefined;
  #cancel: (() => void) | undefined;

  constructor(doors: RefusalDoors<T>) {
    this.#doors = doors;
  }

  take(caller: string, refusal: T): void {
    const { clock, record } = this.#doors;
    this.#cancel ??= clock.at(clock.steady() + WINDOW_MS, () => this.end());
    const count = (this.#counts.get(caller) ?? 0) + 1;
    if (this.#recorded < MOST) this.#counts.set(caller, count);
    if (this.#recorded >= MOST || count > MOST_OF_ONE) {
      this.#unrecorded += 1;
      this.#last = refusal;
      return;
    }
    this.#recorded += 1;
    record(refusal, this.#unrecorded);
    this.#unrecorded = 0;
  }

  /** Of a minute: the last of those that were only counted stands for all of them. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const [last, unrecorded] = [this.#last, this.#unrecorded];
    this.#counts.clear();
    this.#recorded = 0;
    this.#unrecorded = 0;
    this.#last = undefined;
    if (last !== undefined && unrecorded > 0) this.#doors.record(last, unrecorded - 1);
  }
}
