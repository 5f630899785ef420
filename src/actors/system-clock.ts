/** Time from the operating system. */
import type { Clock } from '../ports.ts';

/** The longest delay that a timer of Node takes; more would fire at once. */
const LONGEST_TIMER_MS = 2_147_000_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  at(atMs, wake) {
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = atMs - Date.now();
      const isLast = leftMs <= LONGEST_TIMER_MS;
      timer = setTimeout(isLast ? wake : arm, Math.max(0, isLast ? leftMs : LONGEST_TIMER_MS));
    };
    arm();
    return () => clearTimeout(timer);
  },
};
