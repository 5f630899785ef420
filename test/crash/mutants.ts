/**
 * Copies of the package with one promise broken, each with the cases that must notice. A mutant that gets through means
 * that the matrix would not see such a bug: the run fails.
 */
import type { Patch } from '../patch.ts';
import type { FaultKind } from './fault.ts';

export interface Mutant {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** The promise that it breaks: a fault of another kind has not caught it. */
  readonly breaks: FaultKind;
  /** Plans of which at least one must end in such a fault. */
  readonly cases: readonly string[];
}

const SHIM = 'src/processes/executor-host/shim.ts';
const LAUNCH = 'src/processes/executor-host/launch.ts';
const DUTIES = 'src/actors/run-duties.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    // The program is started first, and what it runs under is written down afterwards: in the log and on disk.
    name: 'handle-after-launch',
    breaks: 'doubled',
    patches: [
      {
        file: 'src/actors/event-sourced.ts',
        find: '    // crash point: agent.decided\n    const before = this.#folded;\n',
        replace: `    const before = this.#folded;
    if (decision.some(({ type }) => type === 'RunStarting')) {
      this.#folded = { ...before, state: states.at(-1) };
      this.#startDuty();
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      this.#folded = before;
    }
`,
      },
      {
        file: LAUNCH,
        find: `    writeIntentOf(run, request, source);
    if (request.collect !== undefined) writeCollect(run.dir, request.collect);
`,
        replace: '',
      },
      {
        file: LAUNCH,
        find: "      return { outcome: { $case: 'started'",
        replace:
          "      writeIntentOf(run, request, source);\n      return { outcome: { $case: 'started'",
      },
    ],
    cases: ['restart:executor.identity.seen#1=kill,rig#1=kill-agent'],
  },
  {
    // Whoever comes last believes to have won, so that two shims of one run both start the program.
    name: 'no-claim',
    breaks: 'doubled',
    patches: [
      {
        file: SHIM,
        find: 'set -C\n{ echo "launch $me\nagain $me" >fate; } 2>/dev/null || exit 75\n',
        replace: 'echo "launch $me\nagain $me" >fate\n',
      },
    ],
    cases: [
      // The agent dozes over the end of the first task, so that the late shim finds its run as it was.
      'service:shim.fate.before#1=delay@1500,rig#1=kill-executor,agent.cleanup.begun#1=delay@2500',
    ],
  },
  {
    // A run counts as over when its program has ended, whatever it left behind.
    name: 'no-leftover-kill',
    breaks: 'doubled',
    patches: [
      {
        file: 'src/actors/task-duties.ts',
        find: '  await endTree(doors, scope, doors.requestFor(scope.state.context), () => LEFTOVER_PLAN);\n',
        replace: '',
      },
    ],
    cases: ['service:', 'service:executor.end.told#1=kill'],
  },
  {
    name: 'exit-code-0-for-unknown',
    breaks: 'invented',
    patches: [
      {
        file: DUTIES,
        find: "      return { ...outcome, type: 'ProgramLost', run: run.run };",
        replace:
          "      return { type: 'ProgramExited', run: run.run, exit: { exitCode: 0, signal: null, oomKilled: false, exitedAt: 0 } };",
      },
    ],
    cases: ['loud:shim.exit.before#1=kill'],
  },
  {
    // A second Launch with the same key starts anew, whatever the first has done by then.
    name: 'launch-not-idempotent',
    breaks: 'doubled',
    patches: [
      {
        file: LAUNCH,
        find: '  const failure = isNew ? begin(run, request, source, watch) : undefined;',
        replace: `  process.getBuiltinModule('node:fs').rmSync(join(run.dir, 'fate'), { force: true });
  const failure = isNew || true ? begin(run, request, source, watch) : undefined;`,
      },
    ],
    cases: [
      'restart:shim.fate.before#1=delay@500,rig#1=kill-executor,executor.launch.asked#1=delay@1500',
    ],
  },
  {
    // A pid is believed without asking when its process was born.
    name: 'pid-without-start-time',
    // It takes the stranger for its program, and waits for the end of that.
    breaks: 'stuck',
    patches: [
      {
        file: 'src/os/process-identity.ts',
        find: 'stat === undefined || stat.startTime !== identity.startTime',
        replace: 'stat === undefined',
      },
    ],
    cases: ['service:agent.cleanup.begun#1=stop@60000,rig#1=reuse-pids'],
  },
  {
    // An agent that was replaced while it slept goes on as if nothing had been.
    name: 'epoch-ignored',
    breaks: 'doubled',
    patches: [
      {
        file: 'src/rpc/epoch-guard.ts',
        find: 'if (epoch < this.#highest) {',
        replace: 'if (false) {',
      },
      {
        file: 'src/log/sqlite-rows.ts',
        find: '    if (current <= this.#epoch) return;\n',
        replace: '    return;\n',
      },
    ],
    cases: [
      'service:agent.watch.begun#1=stop@60000,rig#1=usurper',
      'restart:agent.watch.begun#1=stop@60000,rig#1=usurper',
    ],
  },
  {
    // That the program has been told of a change is noted before it was.
    name: 'change-noted-first',
    breaks: 'lost',
    patches: [
      {
        file: 'src/hooks/templates/keep-fresh.ts',
        find: 'await this.#seen.doubt([destination]);',
        replace: 'await this.#seen.settle({ [destination]: hash });',
      },
    ],
    cases: ['changing:agent.template.placed#2=kill'],
  },
  {
    // A hook is recorded as done before it has done anything.
    name: 'hook-done-before-run',
    breaks: 'invented',
    patches: [
      {
        file: 'src/hooks/run-phase.ts',
        find: '    const outcome = await runHook(run, hook, given)',
        replace: `    if (rule.isRecorded) {
      run.onProgress?.([{ hook: hook.name, tookMs: 0, isDone: true, env: [], state: {} }]);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const outcome = await runHook(run, hook, given)`,
      },
    ],
    cases: ['fetching:agent.artifact.fetched#1=kill'],
  },
  {
    // What takes over does not wait for the end of whom it replaces.
    name: 'heir-not-waiting',
    breaks: 'doubled',
    patches: [
      {
        file: 'src/actors/alloc-duties.ts',
        find: '  await endPredecessor(predecessor, signal);\n',
        replace: '  void endPredecessor(predecessor, signal).catch(() => undefined);\n',
      },
    ],
    cases: ['updated:'],
  },
  {
    // That a network is being connected is recorded when a plugin has connected it, and not before.
    name: 'network-connected-first',
    breaks: 'litter',
    patches: [
      {
        file: 'src/network/group-network.ts',
        find: 'namespace, ...(attached && { attached }) };',
        replace: 'namespace };',
      },
    ],
    cases: ['joined:agent.network.plugin#1=kill'],
  },
  {
    // The events of an alloc go before its files do.
    name: 'files-after-events',
    breaks: 'litter',
    patches: [
      {
        file: 'src/actors/alloc-removal.ts',
        find: '    const reason = await this.#removeFiles(allocId);\n',
        replace: `    const reason = undefined;
    setTimeout(() => void this.#removeFiles(allocId), 500);
`,
      },
    ],
    cases: ['tidy:agent.retention.compacted#1=kill'],
  },
];
