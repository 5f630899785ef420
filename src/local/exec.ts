/** Runs commands beside tasks: recorded first, then begun, and its end recorded whoever is there to hear of it. */
import type { AttachOptions, ExecOptions, ExecSession } from '../api.ts';
import type { AgentDoors } from '../actors/agent-doors.ts';
import type { Roster } from '../actors/roster.ts';
import { keepSession } from '../actors/keep-session.ts';
import type { KeptSession } from '../actors/sessions.ts';
import type { SessionReading } from '../actors/session-words.ts';
import { runRequest, type TaskRunner } from '../actors/task-runner.ts';
import type { Driver } from '../drivers/driver.ts';
import { HoldfastError, isRetryable, messageOf } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import type { TaskState } from '../machines/task-state.ts';
import { redactArgv } from '../spec/redact-argv.ts';
import { wholeTextProblems } from '../spec/whole-text.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import { onlyTask } from './only-task.ts';
import { LocalSession } from './exec-session.ts';
import { recallEnded, taskWith } from './recall-session.ts';

export interface ExecDoors {
  readonly agent: AgentDoors;
  readonly roster: Roster;
  /** Throws CLOSED once the orchestrator is closing. */
  readonly assertOpen: () => void;
}

export const ID_BYTES = 8;

export async function exec(
  doors: ExecDoors,
  ref: string,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecSession> {
  doors.assertOpen();
  assertWords(argv, options);
  const { agent } = doors;
  const target = targetOf(doors, ref);
  const openSession = openerOf(agent, target.task);
  const session = agent.random.hex(ID_BYTES);
  const { user, cwd, terminal, env = {}, actor = '' } = options;
  await target.runner.tell({
    type: 'OpenSession',
    session,
    argv: redactArgv(argv),
    user: user ?? '',
    isTerminal: terminal !== undefined,
    actor,
  });
  // crash point: agent.session.recorded
  const run = target.runOf(session);
  const tell: TaskRunner['tell'] = (message) => target.runner.tell(message);
  try {
    if (options.signal?.aborted === true) throw abortedEarly();
    await openSession(run, { session, argv, env, user, cwd, terminal }, agent);
  } catch (error) {
    const reason = whyOver(error);
    if (isRetryable(error)) {
      keepSession(agent.sessions, run, session, tell, reason);
      throw error;
    }
    const facts = { exitCode: null, signal: null, reason };
    await tell({ type: 'SessionEnded', session, ...facts });
    throw error;
  }
  // crash point: agent.session.begun
  return take(agent, keepSession(agent.sessions, run, session, tell), options);
}

/** Throws CAPABILITY_MISSING. */
export function openerOf(
  { drivers }: AgentDoors,
  { driver: name }: TaskSpec,
): NonNullable<Driver['openSession']> {
  const driver = drivers.get(name);
  if (driver.openSession !== undefined) return driver.openSession.bind(driver);
  const text = `driver ${name} cannot run commands beside its tasks`;
  throw new HoldfastError('CAPABILITY_MISSING', text);
}

/** Also one that ended a while ago. Errors: NOT_FOUND, POSITION_COMPACTED, UNAVAILABLE. */
export async function attach(
  doors: ExecDoors,
  session: string,
  options: AttachOptions,
): Promise<ExecSession> {
  doors.assertOpen();
  const kept = doors.agent.sessions.find(session) ?? (await keptOfAnother(doors, session));
  if (kept === undefined) throw new HoldfastError('NOT_FOUND', `no session ${session} is open`);
  return take(doors.agent, kept, options);
}

/** Of an agent that is gone; this one may stand by it any moment. Throws UNAVAILABLE before a host has its run. */
async function keptOfAnother(doors: ExecDoors, session: string): Promise<KeptSession | undefined> {
  const open = taskWith(doors, session);
  if (open === undefined) return recallEnded(doors, session);
  const { runner, runOf } = targetOf(doors, open);
  const { sessions } = doors.agent;
  // A session of a run that no host has is taken for lost with its host, and its command lives.
  await sessions.assertHosted(runOf(session));
  const tell: TaskRunner['tell'] = (message) => runner.tell(message);
  return sessions.find(session) ?? keepSession(sessions, runOf(session), session, tell);
}

async function take(
  { sessions }: AgentDoors,
  kept: KeptSession,
  options: AttachOptions,
): Promise<ExecSession> {
  const { after } = options;
  const reading = await sessions.read(kept, after).catch((error: unknown) => {
    // It has ended, and everything that it wrote was taken.
    if (!HoldfastError.is(error, 'NOT_FOUND')) throw error;
    if (kept.isRecalled !== true) return nothingMore(after);
    const text = `session ${kept.id} is over, and what it wrote is not kept any more`;
    throw new HoldfastError('NOT_FOUND', text, { cause: error });
  });
  return new LocalSession(sessions, kept, reading, options);
}

function nothingMore(after = 0): SessionReading {
  const output = (async function* nothing(): AsyncGenerator<never> {})();
  return { outputOffset: after, inputOffset: 0, output, leave: () => undefined };
}

export interface Target {
  readonly task: TaskSpec;
  readonly runner: TaskRunner;
  /** The run beside which the session was recorded. */
  readonly runOf: (session: string) => ReturnType<typeof runRequest>;
  /** The run that goes on now. Throws WRONG_STATE. */
  readonly runNow: () => ReturnType<typeof runRequest>;
}

export function targetOf({ agent, roster }: ExecDoors, ref: string): Target {
  const { allocId, task: named } = roster.resolve(ref);
  const alloc = roster.folded(allocId)?.state.context;
  const specs = alloc?.spec?.tasks ?? [];
  const name = named ?? onlyTask(ref, specs);
  const task = specs.find((one) => one.name === name);
  const runner = roster.runner(allocId)?.task(name);
  if (task === undefined || runner === undefined) {
    const text = `task ${ref} does not run: commands are run beside a running program only`;
    throw new HoldfastError('WRONG_STATE', text);
  }
  const { name: allocName = '', specHash = '', spec: group } = alloc ?? {};
  const identity = { allocId, allocName, specHash, task, group };
  const runIf = (isIt: (state: TaskState) => boolean): ReturnType<typeof runRequest> => {
    const state = roster.foldedTask(taskStream(allocId, name))?.state;
    if (state !== undefined && isIt(state)) return runRequest(agent, identity, state.context);
    throw new HoldfastError('WRONG_STATE', `the run of ${ref} ended just now`);
  };
  return {
    task,
    runner,
    runOf: (session) => runIf(({ context }) => context.sessions?.includes(session) === true),
    runNow: () => runIf(({ value }) => value === 'running'),
  };
}

function assertWords(argv: readonly string[], { env = {}, terminal }: ExecOptions): void {
  const [command = ''] = argv;
  if (command === '') throw new HoldfastError('USAGE', 'a command is needed');
  if ([...argv, ...Object.values(env)].some((word) => word.includes('\0'))) {
    throw new HoldfastError('USAGE', 'no argument or variable may hold a NUL byte');
  }
  const [half] = wholeTextProblems({ argv, env });
  if (half !== undefined) throw new HoldfastError('USAGE', `${half.path.join('.')} ${half.text}`);
  const wrong = Object.keys(env).find((name) => !/^[^=\0]+$/.test(name));
  if (wrong !== undefined) {
    throw new HoldfastError('USAGE', `${JSON.stringify(wrong)} cannot name a variable`);
  }
  const sizes = terminal === undefined ? [] : [terminal.columns, terminal.rows];
  if (sizes.some((size) => !Number.isInteger(size) || size < 0 || size > 65_535)) {
    throw new HoldfastError('USAGE', 'a terminal has 0 to 65535 columns and rows');
  }
}

/** What no host answered may have begun; what one refused has not. */
export function whyOver(error: unknown): string {
  const isUnanswered =
    HoldfastError.is(error, 'TIMEOUT') ||
    (HoldfastError.is(error, 'UNAVAILABLE') && error.details['errno'] === undefined);
  const told = isUnanswered ? 'lost: nobody knows whether it began' : 'not begun';
  return `${told}: ${messageOf(error)}`;
}

function abortedEarly(): HoldfastError {
  return new HoldfastError('ABORTED', 'the call was aborted before the command began');
}
