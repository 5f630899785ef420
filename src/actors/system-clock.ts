/**
 * Time from the operating system. The steady clock is the kernel's monotonic one, moved so that it agreed with the wall
 * clock when this machine was first seen; the distance is kept in the store, so that every agent of one machine epoch
 * reads the same time and a deadline recorded by one is kept by the next, whoever turned the wall clock in between.
 */
import type { EventLog } from '../log/event-log.ts';
import type { Clock } from '../ports.ts';

/** The longest delay that a timer of Node takes; more would fire at once. */
const LONGEST_TIMER_MS = 2_147_000_000;

const ANCHOR = 'steadyClock';

interface Anchor {
  readonly machineEpoch: string;
  /** Steady time less the kernel's monotonic time, in milliseconds. */
  readonly offsetMs: number;
}

/** Errors: those of `setMeta`, at the first opening after the machine was started. */
export function systemClock(log: EventLog, machineEpoch: string): Clock {
  const { offsetMs } = anchorOf(log, machineEpoch);
  const steady = (): number => offsetMs + monotonicMs();
  return {
    now: () => Date.now(),
    steady,
    at(atMs, wake) {
      let timer: NodeJS.Timeout;
      const arm = (): void => {
        const leftMs = atMs - steady();
        const isLast = leftMs <= LONGEST_TIMER_MS;
        timer = setTimeout(isLast ? wake : arm, Math.max(0, isLast ? leftMs : LONGEST_TIMER_MS));
      };
      arm();
      return () => clearTimeout(timer);
    },
  };
}

/** Since the machine was started; the same in every process. */
function monotonicMs(): number {
  return Math.floor(Number(process.hrtime.bigint() / 1_000n) / 1_000);
}

function anchorOf(log: EventLog, machineEpoch: string): Anchor {
  const kept = readAnchor(log.getMeta(ANCHOR));
  if (kept?.machineEpoch === machineEpoch) return kept;
  const fresh: Anchor = { machineEpoch, offsetMs: Date.now() - monotonicMs() };
  log.setMeta(ANCHOR, JSON.stringify(fresh));
  return fresh;
}

/** Undefined when there is none, or when a damaged store gives something else. */
function readAnchor(text = ''): Anchor | undefined {
  try {
    const anchor = JSON.parse(text) as Partial<Anchor>;
    return Number.isFinite(anchor.offsetMs) ? (anchor as Anchor) : undefined;
  } catch {
    return undefined;
  }
}
