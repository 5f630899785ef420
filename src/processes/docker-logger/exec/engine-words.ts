/** A command in a container: how an engine is asked for it, and what it says of one that cannot begin. */
import type { ContainerFacts, Engine } from '../../../engine/engine.ts';
import { EngineError } from '../../../engine/engine-error.ts';
import { HoldfastError, messageOf } from '../../../errors.ts';
import { isInCgroupNamed } from '../../../os/cgroup-member.ts';
import type {
  EngineContainer,
  OpenSessionRequest,
} from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import { findSessionCommand, insideOf } from '../../sessions/session-command.ts';
import { marksOf } from '../../sessions/session-marks.ts';

/**
 * By such keys an engine lets go of a terminal; it keeps back what may be the first of them until the next one comes.
 * They cannot be switched off: nobody types these, and to type the first alone changes nothing on a screen.
 */
const NEVER_TYPED = Array.from({ length: 16 }, (_one, index) => (index % 2 === 0 ? '@' : '^'));
const DETACH_KEYS = NEVER_TYPED.map((key) => `ctrl-${key}`).join(',');

/** Throws WRONG_STATE, and what `findSessionCommand` does: an engine says less, and says it too late. */
export async function assertBeginnable(
  engine: Engine,
  request: OpenSessionRequest,
  { containerId }: EngineContainer,
): Promise<void> {
  const facts = await engine.inspectContainer(containerId);
  if (facts === undefined || facts.state.status !== 'running') {
    const is = facts === undefined ? 'is gone' : `is ${facts.state.status}`;
    throw new HoldfastError('WRONG_STATE', `its container ${is}`);
  }
  const place = isSeen(engine, facts) ? insideOf(facts.state.pid) : undefined;
  if (place !== undefined) findSessionCommand(request, place);
}

function isSeen({ isLocal }: Engine, { id, state }: ContainerFacts): boolean {
  return isLocal && isInCgroupNamed(state.pid, id);
}

/** In the words of the engine's API. */
export function execBody(
  request: OpenSessionRequest,
  { user }: EngineContainer,
): Readonly<Record<string, unknown>> {
  const { argv, cwd, terminal } = request;
  const env = Object.entries({ ...request.env, ...marksOf(request) });
  return {
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Cmd: argv,
    Env: env.map(([name, value]) => `${name}=${value}`),
    WorkingDir: cwd,
    ...(user !== '' && { User: user }),
    Tty: terminal !== undefined,
    ...(terminal && {
      DetachKeys: DETACH_KEYS,
      ConsoleSize: [terminal.rows, terminal.columns],
    }),
  };
}

/** What it wrote instead of what the command would have written. */
export function unbegun(text: string): HoldfastError {
  const told = text.trim().replace(/^OCI runtime exec failed: /, '');
  const said = told === '' ? 'the engine did not begin it' : told;
  if (/executable file not found|no such file or directory/.test(said)) {
    return new HoldfastError('COMMAND_NOT_FOUND', said);
  }
  if (/unable to find (?:user|group)/.test(said)) return new HoldfastError('NOT_FOUND', said);
  return new HoldfastError('COMMAND_NOT_EXECUTABLE', said);
}

/** A call that nobody answered may have worked: that is not the same as a no. */
export function refusalOf(error: unknown): HoldfastError {
  const fault = EngineError.of(error);
  if (fault === undefined) return HoldfastError.from(error);
  const isNo = fault.kind === 'refused';
  const code = isNo ? 'WRONG_STATE' : 'UNAVAILABLE';
  return new HoldfastError(code, `the engine: ${messageOf(error)}`, { cause: error });
}
