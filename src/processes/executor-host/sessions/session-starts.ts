/** Commands on their way to be: from what was asked for to the process that is waited for. */
import type { HoldfastError } from '../../../errors.ts';
import type { ProcessEnd } from '../../../os/attached-process.ts';
import { type ProcessIdentity, readProcStat } from '../../../os/process-identity.ts';
import type { OpenSessionRequest } from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import type { Run } from '../run.ts';
import type { SessionChildren } from '../watch.ts';
import type { OwnStreams } from './command-streams.ts';
import { containerStart, whatRuncDid } from './session-container.ts';
import { type SessionStart, startCommand, universalStart } from './session-program.ts';

/** A command that runc has still to start, or that it stands before. */
interface Starting {
  readonly request: OpenSessionRequest;
  readonly runDir: string;
  readonly begun: PromiseWithResolvers<void>;
}

/** What the end of the process that was waited for says. */
export type Counted =
  | { readonly is: 'ended'; readonly end: ProcessEnd; readonly why?: string }
  /** It was what started the command, which is waited for from now on. */
  | { readonly is: 'begun'; readonly leader: ProcessIdentity }
  /** It never began, and whoever asked for it has been told. */
  | { readonly is: 'refused' };

export interface StartsDoors {
  /** Absolute path of a POSIX shell. */
  readonly shell: string;
  readonly machineEpoch: string;
  readonly children: SessionChildren;
}

export class SessionStarts {
  readonly #doors: StartsDoors;
  readonly #starting = new Map<string, Starting>();

  constructor(doors: StartsDoors) {
    this.#doors = doors;
  }

  /** Throws COMMAND_NOT_FOUND and the like, before anything is opened. */
  prepare(request: OpenSessionRequest, run: Run): SessionStart {
    const { session, confinement, terminal } = request;
    if (confinement?.isolation === undefined) return universalStart(request, this.#doors.shell);
    const start = containerStart(request, confinement, run);
    const begun = Promise.withResolvers<void>();
    begun.promise.catch(() => undefined);
    this.#starting.set(session, { request, runDir: run.dir, begun });
    if (terminal === undefined) this.#doors.children.expected.add(session);
    // With a terminal runc stays, and tells of a failure by its own end only.
    else begun.resolve();
    return start;
  }

  /** Throws what the system says; nothing was started then, and nothing stays open. */
  launch(
    request: OpenSessionRequest,
    start: SessionStart,
    open: () => OwnStreams,
  ): { streams: OwnStreams; leader: ProcessIdentity } {
    let streams: OwnStreams | undefined;
    try {
      streams = open();
      return { streams, leader: this.#own(startCommand(request, start, streams.ends)) };
    } catch (error) {
      this.#forget(request.session);
      streams?.drain();
      throw error;
    } finally {
      streams?.given();
    }
  }

  /** Resolves when the command has begun. Rejects when it has not, with why. */
  async begun(session: string): Promise<void> {
    await this.#starting.get(session)?.begun.promise;
  }

  /** The process that a session waits for was counted. */
  counted(session: string, pid: number, status: ProcessEnd): Counted {
    this.#doors.children.ownChildren.delete(pid);
    const starting = this.#starting.get(session);
    if (starting === undefined) return { is: 'ended', end: status };
    const { request, runDir, begun } = starting;
    const did = whatRuncDid(request, runDir, status);
    // Its pid is ours to count before anybody else may.
    const counted = did.is === 'begun' ? { is: did.is, leader: this.#own(did.pid) } : did;
    this.#forget(session);
    if (counted.is !== 'refused') {
      begun.resolve();
      return counted;
    }
    begun.reject(counted.error);
    return request.terminal === undefined ? { is: 'refused' } : unbegun(counted.error);
  }

  #own(pid: number): ProcessIdentity {
    const { machineEpoch, children } = this.#doors;
    children.ownChildren.add(pid);
    const stat = readProcStat(pid);
    return { pid, startTime: typeof stat === 'object' ? stat.startTime : '', machineEpoch };
  }

  #forget(session: string): void {
    const { children } = this.#doors;
    this.#starting.delete(session);
    // What ended meanwhile was left for us to look at.
    if (children.expected.delete(session)) children.strays();
  }
}

/** In the words of a shell. */
function unbegun({ code, message }: HoldfastError): Counted {
  const exitCode = code === 'COMMAND_NOT_FOUND' ? 127 : 126;
  return { is: 'ended', end: { exitCode, signal: null }, why: `not begun: ${message}` };
}
