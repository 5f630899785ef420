/** Events for the tests of the log: short to write, of the real vocabulary. */
export const WEB = 'task/a1/web';
export const DB = 'task/a1/db';
export const ALLOC = 'alloc/a1';

/** An event of a task stream that carries a number, so that a test can tell it from its neighbours. */
export function message(number: number, text = `message ${number}`) {
  return {
    type: 'HookMessage',
    run: 1,
    at: 1_790_000_000_000 + number,
    data: { hook: 'task-dir', phase: 'prestart', message: text },
  } as const;
}

export function messages(count: number, from = 1) {
  return Array.from({ length: count }, (_, index) => message(from + index));
}

export function gateOpened(at = 5) {
  return { type: 'GateOpened', run: 0, at, data: { gate: 'main' } } as const;
}

export function allocRemoved(at = 5) {
  return { type: 'AllocRemoved', run: 0, at, data: {} } as const;
}

export function diskLow(at = 5) {
  return { type: 'DiskLow', run: 0, at, data: { freeBytes: 1, floorBytes: 2 } } as const;
}
