/** A task's actor with its doors wired: chart, decider, log, hooks and driver. */
import { HoldfastError, messageOf } from '../errors.ts';
import type { TaskEvent } from '../events/task-event.ts';
import { taskStream } from '../events/envelope.ts';
import type { Driver, RunRequest } from '../drivers/driver.ts';
import { decideTask } from '../machines/task-decider.ts';
import { taskTable } from '../machines/task-machine.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { launchKey, markOf } from '../os/launch-key.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import { taskDirsOf } from '../layout.ts';
import type { AgentDoors } from './agent-doors.ts';
import { networkOfRun } from './network-supplies.ts';
import { DriverWords } from './driver-words.ts';
import type { TaskDoors } from './duty-tools.ts';
import type { Folded } from './event-sourced.ts';
import { wishOf } from '../hooks/collect-wish.ts';
import { programTexts, whyNotStart } from './run-env.ts';
import { keepSession } from './keep-session.ts';
import { SourcedChild, type SourcedChildDoors } from './sourced-child.ts';
import { taskDuties } from './task-duties.ts';
import { fetchSecretsAgain, runHooks } from './task-hooks.ts';

export interface TaskIdentity {
  readonly allocId: string;
  readonly allocName: string;
  readonly specHash: string;
  readonly task: TaskSpec;
  /** What the program may be told of its group. */
  readonly group?: Pick<AllocSpec, 'meta' | 'labels' | 'identity'> | undefined;
}

export type TaskRunner = SourcedChild<TaskContext, TaskMessage, TaskEvent>;

const INTENSITY = { restarts: 5, withinMs: 60_000 };

/** Who is told of a task's steps, and of its actor being given up. */
export interface TaskWatcher {
  readonly onState: (folded: Folded<TaskContext>) => void;
  readonly onEscalate: (error: HoldfastError) => void;
}

/** `identityOf` is asked anew for each step: an update of the alloc changes what its tasks are, but for their names. */
export function taskRunner(
  agent: AgentDoors,
  identityOf: () => TaskIdentity,
  folded: Folded<TaskContext>,
  watcher: TaskWatcher,
): TaskRunner {
  const { allocId, task } = identityOf();
  /** Keys that this agent drew and has not tried yet: nothing of them can exist, so nothing is looked up. */
  const fresh = new Set<string>();
  const tell = (message: TaskMessage): Promise<void> => runner.tell(message);
  const known = (): TaskContext => runner.folded.state.context;
  const ofDriver = new DriverWords({ agent, identityOf, known, tell });
  const newest = folded.state.context;
  const doors = taskDoors(agent, identityOf, { fresh, newest, tell, ofDriver });
  const runner: TaskRunner = new SourcedChild<TaskContext, TaskMessage, TaskEvent>(
    {
      stream: taskStream(allocId, task.name),
      log: agent.log,
      table: taskTable,
      folded,
      decide: (message, state) =>
        decideTask(message, state, {
          now: agent.clock.now(),
          steady: agent.clock.steady(),
          chance: agent.random.fraction(),
          newLaunch(run) {
            const token = agent.random.hex(16);
            const key = launchKey(allocId, task.name, run, token);
            fresh.add(key);
            const mark = markOf(agent.instanceId, key);
            return { launchKey: key, token, mark, machineEpoch: agent.machineEpoch };
          },
        }),
      duties: taskDuties(doors),
      oneShots: {
        sendSignal(event, { context }) {
          if (event.type !== 'TaskSignaled') return;
          void deliver(agent, doors, doors.requestFor(context), event.data.signal);
        },
      },
    },
    supervision(agent, watcher),
  );
  return runner;
}

function supervision(agent: AgentDoors, watcher: TaskWatcher): SourcedChildDoors<TaskContext> {
  return {
    clock: agent.clock,
    intensity: INTENSITY,
    onState: watcher.onState,
    onRestart(spec, error) {
      agent.logger.error({ stream: spec.id, error: messageOf(error) }, 'folded anew after a crash');
    },
    onEscalate(spec, error) {
      agent.record('StreamQuarantined', { stream: spec.id, message: error.message });
      watcher.onEscalate(error);
    },
  };
}

/** A signal is recorded, then sent once: an agent that dies in between does not send it again. */
async function deliver(
  agent: AgentDoors,
  doors: TaskDoors,
  run: RunRequest,
  signal: string,
): Promise<void> {
  try {
    await doors.driver().signal(run, signal, doors.driverDoors);
  } catch (error) {
    agent.logger.warn(
      { launchKey: run.launchKey, error: messageOf(error) },
      'signal not delivered',
    );
  }
}

interface OwnParts {
  readonly fresh: Set<string>;
  /** As it was folded at the start. */
  readonly newest: TaskContext;
  readonly tell: (message: TaskMessage) => Promise<void>;
  readonly ofDriver: DriverWords;
}

function taskDoors(
  agent: AgentDoors,
  identityOf: () => TaskIdentity,
  { fresh, newest, tell, ofDriver }: OwnParts,
): TaskDoors {
  const driver = (): Driver => agent.drivers.get(identityOf().task.driver);
  // An earlier agent's newest run has files too, which the next run makes useless.
  let current = newest.launch === undefined ? undefined : runRequest(agent, identityOf(), newest);
  const older: RunRequest[] = [];
  const { doors: driverDoors } = ofDriver;
  return {
    driver,
    driverDoors,
    requestFor: (context) => runRequest(agent, identityOf(), context),
    whyNot: (context) => whyNotStart(agent, identityOf(), context),
    runHooks: (phase, scope, onProgress) =>
      runHooks(agent, identityOf(), { phase, scope, tell, onProgress }),
    fetchSecretsAgain: (scope) => fetchSecretsAgain(agent, identityOf(), { scope, tell }),
    isFresh: (run) => fresh.delete(run.launchKey),
    noteCurrent(run) {
      if (current !== undefined && current.launchKey !== run.launchKey) older.push(current);
      current = run;
    },
    releaseOlder() {
      for (const run of older.splice(0)) {
        agent.releaseRun(run, driver(), driverDoors);
        agent.runs.sweep(run.launchKey);
      }
    },
    releaseRun: (run) => agent.releaseRun(run, driver(), driverDoors),
    collectFound(run, signal) {
      if (run.task.logs.disabled === true) return;
      void agent.logmon.resume(wishOf(run), signal).catch(() => undefined);
    },
    keepSession: (run, session) => void keepSession(agent.sessions, run, session, tell),
    endMessages: () => ofDriver.endMessages(),
    undoHoldings: (signal) => ofDriver.undoHoldings(signal),
    gate: { passed: (signal) => passed(agent, identityOf(), ofDriver, signal) },
    clock: agent.clock,
    logger: agent.logger,
  };
}

/** Nothing holds starts up, and its driver can work. */
async function passed(
  { gate, driverWatch }: AgentDoors,
  { task }: TaskIdentity,
  ofDriver: DriverWords,
  signal: AbortSignal,
): Promise<void> {
  await gate.passed(signal);
  for (let why = driverWatch.whyHeld(task.driver); why !== undefined;) {
    const { driver } = task;
    ofDriver.doors.task.emit('waits', `a start waits for driver ${driver}: ${why}`, { driver });
    await driverWatch.passed(driver, signal);
    // What holds starts up may have come meanwhile.
    await gate.passed(signal);
    why = driverWatch.whyHeld(driver);
  }
}

/** The run that a context is about. Throws INTERNAL when it knows of none. */
export function runRequest(
  agent: AgentDoors,
  identity: TaskIdentity,
  context: TaskContext,
): RunRequest {
  const { allocId, allocName, specHash } = identity;
  const { launch } = context;
  if (launch === undefined) throw new HoldfastError('INTERNAL', 'no run has been recorded yet');
  const { task, environment } = programTexts(agent, identity, context);
  const { launchKey: key, token, mark, machineEpoch } = launch;
  return {
    allocId,
    allocName,
    task,
    run: context.run,
    launchKey: key,
    token,
    mark,
    machineEpoch,
    specHash,
    dirs: taskDirsOf(agent.layout, allocId, task.name),
    ...networkOfRun(identity.task, context),
    ports: agent.portsOf(allocId),
    env: environment.env,
  };
}
