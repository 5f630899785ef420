import { InvalidArgumentError } from 'commander';
import { durationMs } from '../spec/duration.ts';

/** Of an option: `7d` or `1h30m`, in milliseconds. */
export function durationOption(text: string): number {
  const ms = durationMs(text);
  if (!Number.isNaN(ms)) return ms;
  throw new InvalidArgumentError('expected a duration, such as 90s, 12h or 7d');
}
