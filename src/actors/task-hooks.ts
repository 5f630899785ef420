/** Runs the hooks of a task: what each is asked with, what it may do, and which of them need not run. */
import { taskStream } from '../events/envelope.ts';
import type { HookPhase } from '../events/task-event.ts';
import type { Hook, HookDoors, HookRequest } from '../hooks/hook.ts';
import { runPhase, type PhaseOutcome } from '../hooks/run-phase.ts';
import { taskDirsOf } from '../layout.ts';
import type { HookFault, HookResult, TaskMessage } from '../machines/task-messages.ts';
import { socketIn } from '../os/namespace-socket.ts';
import type { AgentDoors } from './agent-doors.ts';
import type { TaskScope } from './duty-tools.ts';
import { beforeHook, hookTexts, type KnownHooks } from './hook-texts.ts';
import { networkOfRun } from './network-supplies.ts';
import { missingSecrets, placedTask } from './run-env.ts';
import { shownOutput } from './shown-output.ts';
import type { TaskIdentity } from './task-runner.ts';

/** Rejects with what the task says to a command that makes no sense. */
type Tell = (message: TaskMessage) => Promise<void>;

interface HookRun {
  readonly phase: HookPhase;
  readonly scope: TaskScope;
  readonly tell: Tell;
  readonly onProgress?: ((results: readonly HookResult[]) => void) | undefined;
  /** Left out: all of the plan but those that are done. */
  readonly only?: ReadonlySet<string>;
}

/** Never rejects but with the abort of the duty. */
export async function runHooks(
  agent: AgentDoors,
  identity: TaskIdentity,
  { phase, scope, tell, onProgress, only }: HookRun,
): Promise<PhaseOutcome> {
  const { context } = scope.state;
  const stream = taskStream(identity.allocId, identity.task.name);
  const isSkipped = (hook: Hook): boolean =>
    phase === 'prestart' && context.hooks[hook.name]?.isDone === true;
  const known = (hook: Hook, given: readonly HookResult[]): KnownHooks =>
    beforeHook(context, phase === 'prestart' ? hook.name : undefined, given);
  const outcome = await runPhase({
    phase,
    hooks: agent.hooks
      .resolve(context.plan?.hooks ?? [])
      .filter((hook) => only?.has(hook.name) ?? !isSkipped(hook)),
    requestFor: (hook, given) => hookRequest(agent, identity, scope, hook, known(hook, given)),
    doorsFor: (hook, signal, given) => ({
      ...hookActs(agent, identity, { phase, scope, tell }, hook, signal),
      ...hookTexts(agent, identity, known(hook, given), beforeHook(context, hook.name, given)),
    }),
    keepSecrets(hook, secrets) {
      if (phase === 'prestart') agent.secrets.dropRenewed(stream, hook.name);
      return agent.secrets.keep(stream, hook.name, secrets);
    },
    signal: scope.signal,
    clock: agent.clock,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  if (phase === 'cleanup') agent.secrets.forget(stream);
  return outcome;
}

/**
 * An agent died after the hooks and before the start: of what they gave, secrets were in its memory only. The hooks
 * that gave them run again, no others. Repeatable; the fault of the first one that fails.
 */
export async function fetchSecretsAgain(
  agent: AgentDoors,
  identity: TaskIdentity,
  { scope, tell }: Pick<HookRun, 'scope' | 'tell'>,
): Promise<HookFault | undefined> {
  const missing = missingSecrets(agent, identity, scope.current().context);
  if (missing.length === 0) return undefined;
  const only = new Set(missing.map(({ hook }) => hook));
  const { results, faults } = await runHooks(agent, identity, {
    phase: 'prestart',
    scope,
    tell,
    only,
  });
  await scope.report({ type: 'HooksProgressed', phase: 'prestart', results });
  // crash point: agent.secrets.again
  return faults[0];
}

function hookRequest(
  agent: AgentDoors,
  identity: TaskIdentity,
  { state: { context } }: TaskScope,
  hook: Hook,
  known: KnownHooks,
): HookRequest {
  const { allocId, allocName, task } = identity;
  const { end, checks = {} } = context;
  return {
    allocId,
    allocName,
    task: placedTask(agent, identity, known),
    run: context.run,
    dirs: taskDirsOf(agent.layout, allocId, task.name),
    previous: context.hooks[hook.name]?.state ?? {},
    startedAt: context.process?.startedAt,
    driverNetwork: context.network,
    checks: Object.fromEntries(Object.entries(checks).map(([name, one]) => [name, one.status])),
    exit: end?.kind === 'exited' ? { ...end, exitedAt: end.at } : undefined,
  };
}

/** What the agent gives a task of the machine. */
function placeActs(
  { memory, users, networks, drivers, specs }: AgentDoors,
  { allocId, task }: TaskIdentity,
  scope: TaskScope,
): Pick<HookDoors, 'memory' | 'users' | 'network' | 'payload'> {
  const stream = taskStream(allocId, task.name);
  return {
    memory,
    users: {
      take: (before) => users.take(stream, before),
      release: () => users.release(stream),
    },
    network: {
      ensure: () => networks.ensure(allocId, drivers.rootOf(task) === 'task'),
      openSocket() {
        const { namespace } = networkOfRun(task, scope.current().context).network ?? {};
        return namespace === undefined ? undefined : socketIn(namespace);
      },
    },
    payload: () => specs.payloadOf(allocId),
  };
}

function hookActs(
  agent: AgentDoors,
  identity: TaskIdentity,
  { phase, scope, tell }: HookRun,
  hook: Hook,
  signal: AbortSignal,
): Omit<HookDoors, keyof ReturnType<typeof hookTexts>> {
  const { allocId, task } = identity;
  const { context } = scope.state;
  const { run } = context;
  const stream = taskStream(allocId, task.name);
  // A word about a program that is gone must not reach the one after it.
  const ask: Tell = async (message) => {
    scope.signal.throwIfAborted();
    await tell(message);
  };
  return {
    signal,
    logger: agent.logger,
    clock: agent.clock,
    message: (message) => void scope.report({ type: 'HookSpoke', phase, hook: hook.name, message }),
    logmon: agent.logmon,
    drivers: agent.drivers,
    ...placeActs(agent, identity, scope),
    renew: (secrets) => agent.secrets.renew(stream, hook.name, secrets),
    onRenewal: (follow) => agent.secrets.follow(stream, follow, signal),
    hashOf: (name, text) => agent.secrets.hashOf(name, text),
    note: (state) => ask({ type: 'HookLearned', hook: hook.name, state }),
    restart: (reason, { isCounted = false } = {}) =>
      ask({ type: 'RestartTask', reason, ...(isCounted ? { isCounted } : {}) }),
    sendSignal: (name, reason) => ask({ type: 'SignalTask', signal: name, reason }),
    exec: (argv, { timeoutMs, slot, signal: own }) =>
      agent.runBeside(`${allocId}/${task.name}`, argv, {
        timeoutMs,
        signal: own === undefined ? signal : AbortSignal.any([signal, own]),
        actor: `hook ${hook.name}`,
        slot: slot === undefined ? undefined : `${hook.name}: ${slot}`,
      }),
    register: (service) => ask({ type: 'RegisterService', run, hook: hook.name, service }),
    withdrawOthers: (kept, reason) =>
      ask({ type: 'WithdrawOthers', run, hook: hook.name, kept, reason }),
    reportCheck: ({ output, ...check }) => {
      const shown = shownOutput(agent, identity, context, output);
      return ask({ type: 'ReportCheck', run, ...check, output: shown });
    },
  };
}
