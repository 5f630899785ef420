import { HoldfastError } from '../errors.ts';
import { durationMs } from '../spec/duration.ts';

const CLOCK = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;
const DAY = /^\d{4}-\d\d-\d\d$/;
/** `1h ago` and `-1h`, as journalctl has them. */
const AGO = /^(?:-(\S+)|(\S+) ago)$/;
const WEEKS = /^(\d{1,5})w$/;
const WEEK_MS = 7 * 86_400_000;
const MOMENT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?$/;

/**
 * A moment as people name one: so long ago (`10m`, `1h30m`, `1w`, `-1h`, `1h ago`), today at a time that has been
 * (`10:00`), a day from its beginning (`2026-11-22`, `yesterday`), or a day and a time; of the place where it is typed
 * unless it says a zone. Throws USAGE.
 */
export function parseWhen(option: string, text: string, now: Date): Date {
  const [, minus, before] = AGO.exec(text) ?? [];
  const agoMs = lengthMs(minus ?? before ?? text);
  const when = Number.isNaN(agoMs) ? moment(text, now) : new Date(now.getTime() - agoMs);
  if (when === undefined || Number.isNaN(when.getTime())) {
    const message = `${option} wants how long ago, such as 10m, or a time, such as 10:00 or 2026-11-22T10:00, not "${text}"`;
    throw new HoldfastError('USAGE', message);
  }
  if (CLOCK.test(text) && when > now) {
    const message = `${option} ${text} is still to come today: say the day too, such as ${dayOf(now)}T${text}`;
    throw new HoldfastError('USAGE', message);
  }
  if (option === '--since' && when > now) {
    throw new HoldfastError(
      'USAGE',
      `${option} ${text} is still to come: nothing was written since`,
    );
  }
  return when;
}

function lengthMs(text: string): number {
  const weeks = WEEKS.exec(text)?.[1];
  return weeks === undefined ? durationMs(text) : Number(weeks) * WEEK_MS;
}

function moment(text: string, now: Date): Date | undefined {
  const daysBefore = ['today', 'yesterday'].indexOf(text);
  if (daysBefore >= 0)
    return new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysBefore);
  const clock = CLOCK.exec(text);
  if (clock !== null) {
    const [hours, minutes, seconds = 0] = clock.slice(1).map((part) => Number(part ?? 0));
    return new Date(new Date(now).setHours(hours ?? 0, minutes, seconds, 0));
  }
  // A day alone would be one of UTC.
  if (DAY.test(text)) return sameDay(`${text}T00:00`);
  return MOMENT.test(text) ? sameDay(text.replace(' ', 'T')) : undefined;
}

/** Undefined for a day that is in no calendar, of which the next one would be taken. */
function sameDay(text: string): Date | undefined {
  const day = text.slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  const isDay = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  return isDay ? new Date(text) : undefined;
}

function dayOf(now: Date): string {
  const [month, day] = [now.getMonth() + 1, now.getDate()].map((part) => String(part));
  return `${now.getFullYear()}-${month?.padStart(2, '0')}-${day?.padStart(2, '0')}`;
}
