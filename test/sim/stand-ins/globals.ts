/** What every module of `src/` finds under these global names while it is simulated. */
import type { Entry } from '../scheduler.ts';
import { StreamSocket } from './stream-socket.ts';
import { theWorld } from '../world/world.ts';

class SimulatedTimer {
  entry: Entry;
  readonly #arm: () => Entry;

  constructor(arm: () => Entry) {
    this.#arm = arm;
    this.entry = arm();
  }
  again(): void {
    this.entry = this.#arm();
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

function simulatedTimeout(run: () => void, delayMs = 0): SimulatedTimer {
  const world = theWorld();
  const owner = world.current;
  const waitMs = Math.max(1, Math.ceil(delayMs));
  return new SimulatedTimer(() => world.scheduler.after(waitMs, owner, 'timer', run));
}

function simulatedInterval(run: () => void, everyMs: number): SimulatedTimer {
  const timer: SimulatedTimer = simulatedTimeout(() => {
    timer.again();
    run();
  }, everyMs);
  return timer;
}

function clear(timer: SimulatedTimer | undefined): void {
  if (timer !== undefined) timer.entry.isCancelled = true;
}

function simulatedImmediate(run: () => void): void {
  const world = theWorld();
  world.scheduler.turn(world.current, run);
}

class SimulatedDate extends Date {
  constructor(...given: [] | [number | string]) {
    if (given.length === 0) super(theWorld().wallMs);
    else super(given[0]);
  }
  static override now(): number {
    return theWorld().wallMs;
  }
}

/** Node keeps a signal of several for as long as somebody listens: those of a killed agent for ever, with its world. */
const simulatedSignals = {
  any(signals: readonly AbortSignal[]): AbortSignal {
    const any = new AbortController();
    for (const signal of signals) {
      const abort = (): void => any.abort(signal.reason);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    }
    return any.signal;
  },
};

const real = globalThis.process;

const simulatedProcess = {
  get pid(): number {
    return theWorld().self.pid;
  },
  arch: real.arch,
  version: real.version,
  versions: real.versions,
  env: {},
  geteuid: () => 0,
  getBuiltinModule: (name: string) =>
    name === 'node:tty' ? { ReadStream: StreamSocket } : real.getBuiltinModule(name),
  hrtime: { bigint: () => BigInt(Math.round(theWorld().processes.uptimeMs * 1_000)) * 1_000n },
  on(event: string, handler: () => void): void {
    const { handlers } = theWorld().self;
    handlers.set(event, [...(handlers.get(event) ?? []), handler]);
  },
  kill(pid: number, signal: string): true {
    const world = theWorld();
    world.interrupt(`before kill ${pid}`);
    if (!world.processes.signal(pid, signal, world.current)) {
      throw Object.assign(new Error(`kill ${pid}: ESRCH`), { code: 'ESRCH' });
    }
    world.interrupt(`after kill ${pid}`);
    return true;
  },
};

export {
  simulatedSignals as AbortSignal,
  SimulatedDate as Date,
  clear as clearInterval,
  clear as clearTimeout,
  simulatedImmediate as setImmediate,
  simulatedInterval as setInterval,
  simulatedProcess as process,
  simulatedTimeout as setTimeout,
};

export const performance = { now: (): number => theWorld().processes.uptimeMs };
