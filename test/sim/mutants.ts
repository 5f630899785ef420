/**
 * Changes of the code that break what the simulator claims to watch. Each must be caught within some hundred seeds: a
 * simulator that lets one pass is broken itself. A machine epoch that is ignored, and deadlines on the wall clock, are not
 * among them: the one is looked at twice, and the clock jumps of the drills are the control of the other.
 */
import type { Patch } from '../patch.ts';

export interface Mutant {
  readonly name: string;
  readonly patches: readonly Patch[];
}

function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, patches: [{ file, find, replace }] };
}

const LOGMON = '../test/sim/world/logmon-host.ts';
const SESSION = 'processes/sessions/session.ts';

export const MUTANTS: readonly Mutant[] = [
  mutant(
    'effects before commit',
    'log/row-event-log.ts',
    'await new Promise<void>((resolve, reject) => {',
    'void new Promise<void>((resolve, reject) => {',
  ),
  mutant(
    'notify before commit',
    'log/row-event-log.ts',
    'this.#store.write(rows);',
    'this.#publish(rows); this.#store.write(rows);',
  ),
  mutant(
    'append retried in place',
    'log/fail-stop.ts',
    'try {\n      work();',
    'try {\n      try { work(); } catch { work(); }',
  ),
  mutant(
    'fate not single winner',
    '../test/sim/world/shim.ts',
    'disk.find(path) !== undefined || ',
    '',
  ),
  mutant(
    'unknown read as dead',
    'os/process-identity.ts',
    "if (stat === 'unknown') return 'unknown';",
    "if (stat === 'unknown') return 'dead';",
  ),
  mutant(
    'cgroup is no proof',
    'os/process-tree.ts',
    'let isMember = holds.has(stat.pid) || ',
    'let isMember = ',
  ),
  mutant(
    'pid without start time',
    'os/process-identity.ts',
    'stat === undefined || stat.startTime !== identity.startTime',
    'stat === undefined',
  ),
  mutant(
    'exit code 0 for unknown',
    'processes/executor-host/watch.ts',
    "return { is: 'lost', reason: `${why}: nobody knows the exit status`, maybeRan: true };",
    "return { is: 'exited', record: { exitCode: 0, signal: null, execFailed: false, exitedAtMs: Date.now(), why } as never };",
  ),
  mutant(
    'no leftover kill',
    'actors/task-duties.ts',
    'await endTree(doors, scope, doors.requestFor(scope.state.context), () => LEFTOVER_PLAN);',
    'void [endTree, LEFTOVER_PLAN];',
  ),
  mutant(
    'restart count in memory',
    'actors/alloc-tasks.ts',
    'const folded = foldedTask(stream) ?? { version: 0, position: 0, state: taskTable.initial };',
    `const kept = foldedTask(stream) ?? { version: 0, position: 0, state: taskTable.initial };
    const restarts = { count: 0, intervalStart: 0, total: 0 };
    const context = { ...kept.state.context, restarts };
    const folded = { ...kept, state: { ...kept.state, context } };`,
  ),
  mutant(
    'timers not absolute',
    'actors/task-duties.ts',
    'Math.min(nextStartAt, longest)',
    'longest * 0',
  ),
  mutant(
    'older agents may write',
    '../test/sim/world/store-file.ts',
    'if (epoch !== this.#epoch) {',
    'if (epoch < this.#epoch) {',
  ),
  mutant(
    'nobody holds the output',
    'processes/executor-host/held-fifos.ts',
    'this.#held.set(launchKey, paths.flatMap(openQuietly));',
    'this.#held.set(launchKey, [].flatMap(openQuietly));',
  ),
  mutant(
    'end of a command before its output',
    'processes/sessions/session.ts',
    'const chunk = this.#buffer.after(at);',
    'const chunk = this.#end === undefined ? this.#buffer.after(at) : undefined;',
  ),
  mutant(
    'command of a dead agent not closed',
    'actors/run-duties.ts',
    'for (const session of scope.state.context.sessions ?? []) doors.keepSession(run, session);',
    '',
  ),
  {
    // A reader who comes back gets again what he had and did not say so in time.
    name: 'reader of a command does not say where',
    patches: [
      {
        file: SESSION,
        find: 'if (after !== undefined) this.take(after);',
        replace: '',
      },
      {
        file: SESSION,
        find: 'let at = after ?? this.#buffer.taken;',
        replace: 'let at = this.#buffer.taken;',
      },
    ],
  },
  mutant(
    'nobody stands in for an agent',
    'processes/executor-host/heir.ts',
    'doors.connections() > 0 ? 0 :',
    'doors.connections() >= 0 ? 0 :',
  ),
  mutant('two start a collector', 'rpc/host-claim.ts', '!tryLock(fd);', '!tryLock(fd) && fd < 0;'),
  {
    // The agent does not know whom an earlier one has told to collect.
    name: 'two collectors take from one FIFO',
    patches: [
      {
        file: 'actors/find-hosts.ts',
        find: 'filter((host) => host !== undefined)',
        replace: "filter((host) => host !== undefined && doors.kind !== 'logmon')",
      },
      {
        file: LOGMON,
        find: '!this.#world.disk.lock(file);',
        replace: '!this.#world.disk.lock(file) && file.fd < 0;',
      },
    ],
  },
  {
    // Of a collector that takes one line at a time: another one has hardly ever anything left to be drained.
    name: 'output not drained',
    patches: [
      {
        file: LOGMON,
        find: 'while (this.#move(found)) await this.#pause();',
        replace:
          'void this.#pause; for (const file of found.files) file.inode.fifo?.waiting.splice(0);',
      },
      { file: LOGMON, find: 'waiting.splice(0, 16)', replace: 'waiting.splice(0, 1)' },
    ],
  },
  mutant(
    'waves all at once',
    'actors/alloc-duties.ts',
    'await tasks.untilOver(wave, signal);',
    'void tasks.untilOver(wave, signal).catch(() => undefined);',
  ),
  mutant(
    'main tasks beside the first ones',
    'actors/alloc-duties.ts',
    "prestart: ['prestart'],",
    "prestart: ['prestart', 'main'],",
  ),
  mutant(
    'last tasks forgotten',
    'machines/alloc-standing-decider.ts',
    'const isPoststopEnded = context.isPoststopOpen === true ||',
    'const isPoststopEnded = members.length > 0 ||',
  ),
  mutant(
    'begun anew before the end',
    'machines/alloc-standing-decider.ts',
    'if (!isAllOver(members.filter(isBeforePoststop))) return [];',
    'if (members.length === 0) return [];',
  ),
  mutant(
    'no shutdown delay',
    'actors/kill-duty.ts',
    'if (leftMs(doors, scope) <= 0) return undefined;',
    'if (leftMs(doors, scope) <= 1e9) return undefined;',
  ),
  mutant(
    'an update heard twice',
    'machines/task-update-decider.ts',
    'plan === undefined || version <= specVersion',
    'plan === undefined || version < specVersion',
  ),
  mutant(
    'removed tasks run on',
    'actors/alloc-update.ts',
    'removeTasks(tasks, context.removedTasks ?? [], signal),',
    '',
  ),
];
