/** What a driver is handed in its own process: the same doors as in the agent, with the agent at the other end. */
import type { DriverAgent } from '../drivers/driver-agent.ts';
import type { DriverDoors } from '../drivers/driver.ts';
import type { Holding, Thing } from '../drivers/holdings.ts';
import { FileClaims } from '../drivers/run-claims.ts';
import { HoldfastError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { OwnHosts } from './own-hosts.ts';
import type { ToldWords } from './told-words.ts';
import { type Given, RECORDED, type TaskName } from './words.ts';

interface Place {
  readonly stateDir: string;
  readonly instanceId: string;
  readonly machineEpoch: string;
}

export function doorsOf(given: Given, place: Place, hosts: OwnHosts, told: ToldWords): DriverDoors {
  const of: TaskName = {
    allocId: given.run?.allocId ?? given.of?.allocId ?? '',
    task: given.run?.task.name ?? given.of?.task.name ?? '',
  };
  let things: readonly Holding[] = given.holdings ?? [];
  const others = ({ kind, id }: Thing): readonly Holding[] =>
    things.filter((one) => one.kind !== kind || one.id !== id);
  return {
    executor: hosts.executor,
    claims: new FileClaims(place),
    output: outputTo(told),
    task: {
      labels: given.labels ?? {},
      emit: (type, message, details = {}) =>
        told.tell({ kind: 'emit', of, type, message, details }),
    },
    holdings: {
      current: () => things,
      async record(thing) {
        await told.ask({ kind: 'hold', of, thing });
        const isNew = others(thing).length === things.length;
        if (isNew) things = [...things, { ...thing, run: given.run?.run ?? 0 }];
      },
      async forget(thing) {
        await told.ask({ kind: 'forget', of, thing });
        things = others(thing);
      },
    },
  };
}

/** Output of engines comes into the files of tasks by hosts of the agent. */
function outputTo(told: ToldWords): DriverDoors['output'] {
  return {
    async follow(run, log, signal) {
      signal.throwIfAborted();
      const gone = Promise.withResolvers<never>();
      const leave = (): void => gone.reject(new HoldfastError('ABORTED', 'nobody waits any more'));
      signal.addEventListener('abort', leave, { once: true });
      try {
        await Promise.race([told.ask({ kind: 'follow', run, log }), gone.promise]);
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
    async settled(run, patienceMs) {
      const answer = told.ask({ kind: 'settled', run, patienceMs });
      return (await answer.catch(() => false)) === true;
    },
    async release(run) {
      await told.ask({ kind: 'releaseOutput', run });
    },
  };
}

export function loggerTo(told: ToldWords): Logger {
  const say =
    (level: keyof Logger) =>
    (facts: object, message = ''): void =>
      told.tell({ kind: 'log', level, facts, message });
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}

/** What no driver has to do with is a line in the agent's log. */
export function recordTo(told: ToldWords, logger: Logger): DriverAgent['record'] {
  return (type, facts) => {
    const known = RECORDED.find((one) => one === type);
    if (known === undefined) logger.info({ type, ...facts }, 'a driver recorded');
    else told.tell({ kind: 'record', type: known, facts: { ...facts } });
  };
}

/**
 * `isKnown` cannot wait for an answer: every run counts as known until the agent has said that it is not, and what it
 * says is remembered. A key is never used again, so a run that is nobody's stays so.
 */
export function agentTo(
  told: ToldWords,
  place: Place,
  logger: Logger,
  clock: DriverAgent['clock'],
): DriverAgent {
  const unknown = new Set<string>();
  const recovered = told.ask({ kind: 'recovered' }).then(() => undefined);
  const look = async (launchKey: string, of: TaskName | undefined): Promise<void> => {
    await recovered;
    if ((await told.ask({ kind: 'isKnown', launchKey, of })) === false) unknown.add(launchKey);
  };
  return {
    ...place,
    logger,
    clock,
    recovered,
    isKnown(launchKey, of) {
      if (unknown.has(launchKey)) return false;
      void look(launchKey, of).catch(() => undefined);
      return true;
    },
    record: recordTo(told, logger),
    changed: () => told.tell({ kind: 'changed' }),
    count: (metric, labels, n = 1) => told.tell({ kind: 'count', metric, labels, n }),
  };
}
