/** What a task of the mock driver may be told to do. Durations are strings with a unit, as in every spec. */
import { HoldfastError } from '../errors.ts';
import { durationMs } from '../spec/duration.ts';

/** Calls of a driver that can be told to go wrong. */
export type MockCall = 'inspect' | 'start' | 'adopt' | 'wait' | 'stop';

export interface MockConfig {
  /** The start is refused, this often (default always). */
  readonly startError?: {
    readonly message: string;
    readonly recoverable?: boolean;
    readonly times?: number;
  };
  readonly startDelay?: string;
  /** It makes a volume with this id, outside of its runs, before it begins. */
  readonly makes?: string;
  /** Left out: runs until somebody ends it. */
  readonly runFor?: string;
  /** Of a program that ends by itself. Default 0. */
  readonly exitCode?: number;
  /** It ends by this signal instead of with a code. */
  readonly signal?: string;
  /** It ends without anybody knowing how; the text is the reason. */
  readonly lost?: string;
  /** Only SIGKILL ends it. */
  readonly ignoresSignals?: boolean;
  /** So many stops find that it outlived SIGKILL. */
  readonly stopStuck?: number;
  readonly signalError?: string;
  /** So many looks cannot tell whether anything lives. */
  readonly inspectUnknown?: number;
  /** The driver has a bug: this call throws something that is no HoldfastError. */
  readonly throwIn?: MockCall;
  /** This call never answers; it gives up only when it is aborted. */
  readonly hangIn?: MockCall;
}

const CALLS: readonly unknown[] = ['inspect', 'start', 'adopt', 'wait', 'stop'];

type Check = readonly [expected: string, fits: (value: unknown) => boolean];

const duration: Check = [
  'a duration such as "3s"',
  (value) => typeof value === 'string' && !Number.isNaN(durationMs(value)),
];
const text: Check = ['a text', (value) => typeof value === 'string'];
const count: Check = ['a whole number', (value) => Number.isSafeInteger(value)];
const call: Check = [`one of ${CALLS.join(', ')}`, (value) => CALLS.includes(value)];
const fault: Check = [
  'an object with a message',
  (value) => typeof (value as { message?: unknown } | null)?.message === 'string',
];

const CHECKS: Readonly<Record<keyof MockConfig, Check>> = {
  startError: fault,
  startDelay: duration,
  makes: text,
  runFor: duration,
  exitCode: count,
  signal: text,
  lost: text,
  ignoresSignals: ['true or false', (value) => typeof value === 'boolean'],
  stopStuck: count,
  signalError: text,
  inspectUnknown: count,
  throwIn: call,
  hangIn: call,
};

/** Throws DRIVER_CONFIG_INVALID with `details.issues`. */
export function checkMockConfig(config: Readonly<Record<string, unknown>>): MockConfig {
  const issues = Object.entries(config).flatMap(([path, value]) => {
    if (!Object.hasOwn(CHECKS, path)) return [{ path, message: 'is not a setting of mock' }];
    const [expected, fits] = CHECKS[path as keyof MockConfig];
    return fits(value) ? [] : [{ path, message: `must be ${expected}` }];
  });
  if (issues.length === 0) return config;
  const words = issues.map(({ path, message }) => `config.${path} ${message}`).join('; ');
  throw new HoldfastError('DRIVER_CONFIG_INVALID', words, { details: { issues } });
}
