/** A group of twelve real programs, with two at least of every kind but the leader. */
import type { Orchestrator, PublicEvent, TaskViewState } from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';

export type Task = GroupSpecInput['tasks'][number];

const ONCE = { attempts: 0 };

export function task(name: string, script: string, more: Partial<Task> = {}): Task {
  const config = { command: 'sh', args: ['-c', script] };
  return { name, driver: 'raw_exec', config, restart: ONCE, ...more };
}
/** Runs until it is told to end, and says so. */
export const LASTING = 'trap "echo told; exit 0" TERM; while :; do sleep 0.05; done';
export const kind = (
  hook: 'prestart' | 'poststart' | 'poststop',
  sidecar = false,
): Partial<Task> => ({
  lifecycle: { hook, sidecar },
});

export const TASKS: readonly Task[] = [
  task('init1', 'echo done', kind('prestart')),
  task('init2', 'echo done', kind('prestart')),
  task('proxy', LASTING, kind('prestart', true)),
  task('shipper', LASTING, kind('prestart', true)),
  task('lead', LASTING, { leader: true }),
  task('web', LASTING),
  task('worker', LASTING),
  task('warm', 'echo done', kind('poststart')),
  task('watch', LASTING, kind('poststart', true)),
  task('audit', LASTING, kind('poststart', true)),
  task('bye1', 'echo done', kind('poststop')),
  task('bye2', 'echo done', kind('poststop')),
];
export const WAVES = [['lead'], ['web', 'worker'], ['proxy', 'shipper', 'watch', 'audit']];
const UP: Readonly<Record<string, TaskViewState>> = {
  ...Object.fromEntries(WAVES.flat().map((name) => [name, 'running'] as const)),
  init1: 'complete',
  init2: 'complete',
  warm: 'complete',
  bye1: 'pending',
  bye2: 'pending',
};

export async function isUp(agent: Orchestrator, ref = 'g'): Promise<boolean> {
  const { tasks } = await agent.inspect(ref);
  return tasks.every(({ task: name, state }) => state === UP[name]);
}

/** Positions of the events of these types since `after`, by task. */
export function positions(
  events: readonly PublicEvent[],
  type: string,
  after = 0,
): ReadonlyMap<string, number> {
  const meant = events.filter((event) => event.type === type && event.position > after);
  return new Map(meant.map((event) => [event.task ?? event.type, event.position]));
}
