/** What may be asked of output: the same for callers in the process of an agent and for those at its socket. */
import { HoldfastError } from './errors.ts';
import type { LogQuery } from './api/task-logs.ts';

const MOST = 2 ** 31 - 1;

/** Throws USAGE for a query that makes no sense, also for one that no compiler has seen. */
export function assertLogQuery(query: LogQuery): void {
  const { stream = 'both', origin = 'start', tail = 0, offset = 0, run = 'all', after } = query;
  const wrong =
    (['stdout', 'stderr', 'both'].includes(stream) ? '' : `${stream} is no stream`) ||
    (['start', 'end'].includes(origin) ? '' : `${origin} is no origin`) ||
    (isWhole(tail, 0, MOST) ? '' : `tail ${tail} is no number of lines`) ||
    (isWhole(offset, 0, Number.MAX_SAFE_INTEGER) ? '' : `offset ${offset} is no number of bytes`) ||
    (run === 'all' || run === 'last' || isWhole(run, 1, MOST)
      ? ''
      : `${String(run)} is no number of a run: they begin at 1`) ||
    ([query.since, query.until].every(isMoment) ? '' : 'a time is no time') ||
    (after === undefined || (typeof after === 'string' && after !== '')
      ? ''
      : 'a cursor is the text that came with a chunk');
  if (wrong !== '') throw new HoldfastError('USAGE', wrong);
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most;
}

function isMoment(time: unknown): boolean {
  return time === undefined || (time instanceof Date && !Number.isNaN(time.getTime()));
}
