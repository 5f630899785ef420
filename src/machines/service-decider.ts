/**
 * What a task makes of its services and checks. A service is known while the program runs; it is taken back before
 * anything that ends the program, in the same append, so that whoever follows the log never finds it at a task that is
 * being ended. Of a check only a change is a fact.
 */
import type { TaskEvent } from '../events/task-event.ts';
import type { Decision } from './decision.ts';
import type { Maker } from './task-facts.ts';
import type { MessageOf } from './task-messages.ts';
import { standingServices, type TaskContext, type TaskState } from './task-state.ts';

type Report = MessageOf<'RegisterService' | 'ReportCheck' | 'WithdrawServices' | 'WithdrawOthers'>;

/** Whose services say nothing of a hook. */
const BUILT_IN = 'services';

export function decideService(
  message: Report,
  { value, context }: TaskState,
  make: Maker,
): Decision<TaskEvent> {
  if (value !== 'running') return [];
  if (message.type === 'WithdrawServices') {
    return standingServices(context)
      .filter(({ isGroups }) => isGroups === true)
      .map(({ service }) => make('ServiceDeregistered', { service, reason: message.reason }));
  }
  if (message.run !== context.run) return [];
  switch (message.type) {
    case 'RegisterService':
      return decideRegistration(message, context, make);
    case 'ReportCheck':
      return decideCheck(message, context, make);
    case 'WithdrawOthers':
      return decideOthers(message, context, make);
  }
}

function decideOthers(
  { hook, kept, reason }: MessageOf<'WithdrawOthers'>,
  context: TaskContext,
  make: Maker,
): Decision<TaskEvent> {
  return standingServices(context)
    .filter(({ service, hook: whose = BUILT_IN }) => whose === hook && !kept.includes(service))
    .map(({ service }) => make('ServiceDeregistered', { service, reason, mayReturn: true }));
}

function decideRegistration(
  { hook = BUILT_IN, service }: MessageOf<'RegisterService'>,
  { services = {} }: TaskContext,
  make: Maker,
): Decision<TaskEvent> {
  const wanted = hook === BUILT_IN ? service : { ...service, hook };
  const known = services[wanted.service];
  // Taken back while its program runs on: the group is being ended, and nobody is to come any more.
  if (known === null) return [];
  if (known !== undefined && isSame(known, wanted)) return [];
  return [make('ServiceRegistered', { ...wanted, tags: [...wanted.tags] })];
}

function isSame(one: object, other: object): boolean {
  const ordered = (facts: object): string =>
    JSON.stringify(Object.entries(facts).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return ordered(one) === ordered(other);
}

function decideCheck(
  { check, service, status, output }: MessageOf<'ReportCheck'>,
  { checks = {} }: TaskContext,
  make: Maker,
): Decision<TaskEvent> {
  const before = checks[check]?.status;
  if (before === status) return [];
  return [
    make('CheckChanged', {
      check,
      status,
      output,
      ...(service === undefined ? {} : { service }),
      ...(before === undefined ? {} : { before }),
    }),
  ];
}

/** Steps by which a running program is left, or is about to be. */
const LEAVES_RUNNING: ReadonlySet<TaskEvent['type']> = new Set([
  'TaskKilling',
  'TaskExited',
  'TaskLost',
  'TaskRecovered',
]);

/** The same decision, before which nobody is told any more that the program can be reached. */
export function withServicesWithdrawn(
  decision: readonly TaskEvent[],
  { value, context }: TaskState,
  make: Maker,
): readonly TaskEvent[] {
  if (value !== 'running') return decision;
  const at = decision.findIndex(({ type }) => LEAVES_RUNNING.has(type));
  const leaving = decision[at];
  if (leaving === undefined) return decision;
  const reason = whyLeft(leaving);
  const gone = standingServices(context).map(({ service }) =>
    make('ServiceDeregistered', { service, reason }),
  );
  return [...decision.slice(0, at), ...gone, ...decision.slice(at)];
}

function whyLeft({ type, data }: TaskEvent): string {
  if ((type === 'TaskKilling' || type === 'TaskLost') && data.reason !== '') return data.reason;
  return type === 'TaskExited' ? 'the program ended' : 'the run is over';
}
