/** A log with some of its parts changed for the worse: for controls, which must be found. */
import type { EventLog } from '../../src/log/event-log.ts';

export type Alteration = (log: EventLog) => Partial<EventLog>;

export function altered(log: EventLog, alteration: Alteration): EventLog {
  const changes = alteration(log);
  return new Proxy(log, {
    get(_, key) {
      const owner = Object.hasOwn(changes, key) ? changes : log;
      const value: unknown = Reflect.get(owner, key);
      return typeof value === 'function' ? value.bind(owner) : value;
    },
  });
}
