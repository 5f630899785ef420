/** Commands beside the programs of this host, as processes of its own. */
import { HoldfastError } from '../../../errors.ts';
import { reapStatus } from '../../../os/attached-process.ts';
import type { ProcessIdentity } from '../../../os/process-identity.ts';
import { signalGroup } from '../../../os/process-tree.ts';
import type { OpenSessionRequest } from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import type { Command, Commands, Hearing, Sink } from '../../sessions/commands.ts';
import { hangUp } from '../../sessions/session-tree.ts';
import type { Run } from '../run.ts';
import { oomKillsOf } from '../run-cgroup.ts';
import { type OwnStreams, pipeStreams, terminalStreams } from './command-streams.ts';
import { SessionStarts, type StartsDoors } from './session-starts.ts';

export interface OwnCommandsDoors extends StartsDoors {
  /** A run of this host whose program lives. */
  readonly livingRun: (launchKey: string) => Run | undefined;
}

interface Living {
  /** The process that is waited for: the command, or at first what starts it. */
  leader: ProcessIdentity;
  readonly hearing: Hearing;
}

export class OwnCommands implements Commands {
  readonly #doors: OwnCommandsDoors;
  readonly #starts: SessionStarts;
  /** By session. */
  readonly #living = new Map<string, Living>();
  #isCounting = false;

  constructor(doors: OwnCommandsDoors) {
    this.#doors = doors;
    this.#starts = new SessionStarts(doors);
  }

  begin(request: OpenSessionRequest, hearing: Hearing): Command {
    const { session: id, launchKey } = request;
    const run = this.#doors.livingRun(launchKey);
    if (run === undefined) {
      throw new HoldfastError('WRONG_STATE', 'the program does not run here');
    }
    const start = this.#starts.prepare(request, run);
    const oomKillsBefore = oomKillsOf(run.cgroup);
    // crash point: executor.session.opening
    this.#countChildren();
    const open = (): OwnStreams => streamsFor(request, hearing.sink);
    const { streams, leader } = this.#starts.launch(request, start, open);
    const living: Living = { leader, hearing };
    this.#living.set(id, living);
    const begun = this.#starts.begun(id);
    // It may fail before anybody asks.
    begun.catch(() => undefined);
    // crash point: executor.session.opened
    return {
      streams,
      begun,
      isOutOfMemory: () => oomKillsOf(run.cgroup) > oomKillsBefore,
      signal: (name) => signalGroup(living.leader, this.#doors.machineEpoch, name),
    };
  }

  /** From the first command on: its end is told by SIGCHLD like that of a shim. */
  #countChildren(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    process.on('SIGCHLD', () => {
      for (const id of this.#living.keys()) this.#count(id);
    });
  }

  #count(id: string): void {
    const living = this.#living.get(id);
    if (living === undefined) return;
    const { pid } = living.leader;
    const status = reapStatus(pid);
    if (status === undefined) return;
    const counted = this.#starts.counted(id, pid, status);
    if (counted.is === 'begun') {
      living.leader = counted.leader;
      // It may have ended before what started it.
      return this.#count(id);
    }
    this.#living.delete(id);
    if (counted.is === 'refused') return living.hearing.refused();
    living.hearing.ended(counted.end, counted.why);
    // crash point: executor.session.ended
  }

  async hangUp(id: string): Promise<void> {
    // crash point: executor.session.closing
    const leader = this.#living.get(id)?.leader;
    await hangUp({ id, leader }, this.#doors.machineEpoch);
    this.#count(id);
  }
}

function streamsFor({ terminal, confinement }: OpenSessionRequest, sink: Sink): OwnStreams {
  if (terminal === undefined) return pipeStreams(sink);
  return terminalStreams(terminal, confinement?.isolation !== undefined, sink);
}
