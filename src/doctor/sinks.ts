/** Sinks that do not take what they should. */
import type { SinkView } from '../api.ts';
import { counted, failure, type Finding, warning } from './finding.ts';

const CHECK = 'sinks';
/** More than a receiver that is only slow leaves behind it. */
const MANY_EVENTS = 10_000;

export function sinkFindings(sinks: readonly SinkView[]): readonly Finding[] {
  return sinks.flatMap((sink) => {
    const { name, state, lag, to, lastError } = sink;
    const behind = `${counted(lag, 'event')} behind`;
    if (state === 'stopped') {
      const text = `${name} is stopped, ${behind}: ${lastError ?? ''}`;
      return [failure(CHECK, text, 'take it out, or start the agent again when it is wanted')];
    }
    if (state === 'failing') {
      const text = `${name} does not take events, ${behind}: ${lastError ?? ''}`;
      return [failure(CHECK, text, `look at ${to}; it is tried again and again, nothing is lost`)];
    }
    if (lag < MANY_EVENTS) return [];
    return [warning(CHECK, `${name} is ${behind}`, `see whether ${to} is fast enough`)];
  });
}
