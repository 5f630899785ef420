/**
 * A command beside a program: a shell that reads its words from fd 3, joins the cgroup of its run and becomes what the
 * words say. It numbers its lines, heeds a hang-up or does not, and may leave a child that has its output open still.
 */
import type { CommandEntry } from '../ledger.ts';
import { hasRoom } from '../stand-ins/stream-socket.ts';
import { commandBehaviourOf, type CommandBehaviour } from './behaviour.ts';
import { Cgroups } from './cgroups.ts';
import type { Fifo, OpenFile } from './disk.ts';
import { NATURE, type Process } from './processes.ts';
import type { World } from './world.ts';

const FULL_PIPE_AGAIN_MS = 20;
/** What ends the input of a terminal. */
const END_OF_INPUT = '\u0004';

/** `descriptors` are those of its parent, or paths of terminals; what becomes fd 3 holds the words. */
export function beginCommand(
  world: World,
  me: Process,
  descriptors: readonly (number | string)[],
): void {
  const { disk, ledger } = world;
  const words = disk.opened(descriptors[3] as number)?.inode.text ?? '';
  const [input, output, errors] = descriptors.map((from, fd) => open(world, me, from, fd));
  const variable = (name: string): string =>
    new RegExp(`(?:^|\0)${name}=([^\0]*)\0`).exec(me.environment)?.[1] ?? '';
  const entry: CommandEntry = {
    session: variable('HOLDFAST_SESSION'),
    launchKey: variable('HOLDFAST_MARK').split(':')[1] ?? '',
    host: me.parent as Process,
    process: me,
    hasTerminal: typeof descriptors[0] === 'string',
    written: { stdout: '', stderr: '' },
    end: undefined,
  };
  ledger.command(entry);
  world.watcher?.onCommand(entry);
  me.onEnd.push(() => {
    entry.end = { ...me.status, atMs: world.nowMs };
    world.note(`the command of ${entry.session} ends: ${me.status.code ?? me.status.signal}`);
  });
  // With its master a terminal is hung up.
  if (entry.hasTerminal) {
    entry.host.onEnd.push(() => world.processes.signal(me.pid, 'SIGHUP', NATURE));
  }
  const command = new Command(world, entry, { input, output, errors });
  me.onSignal = (signal) => command.leave({ code: null, signal });
  world.scheduler.after(world.latencyMs, me, 'the command joins its cgroup', () => {
    if (!join(world, me, words)) return command.leave({ code: 126, signal: null });
    world.scheduler.after(world.latencyMs, me, 'the command begins', () => {
      me.commandLine = '/bin/program';
      const name = / '([^' ]*)'\n$/.exec(words)?.[1] ?? '';
      command.begin(commandBehaviourOf(world.seed, name));
    });
  });
}

function open(
  { disk, terminals }: World,
  me: Process,
  from: number | string,
  fd: number,
): OpenFile | undefined {
  if (typeof from === 'number') {
    const { inode, canRead, canWrite } = disk.opened(from) ?? {};
    return inode && disk.open(inode, me, canRead === true, canWrite === true);
  }
  const terminal = terminals.get(from);
  return terminal && disk.open(fd === 0 ? terminal.typed : terminal.shown, me, fd === 0, fd > 0);
}

/** False when a file of a cgroup that it must join is missing. */
function join({ cgroups }: World, me: Process, words: string): boolean {
  for (const [, file = ''] of words.matchAll(/^put 0 '([^']+)'/gm)) {
    const path = Cgroups.pathOf(file.slice(0, file.lastIndexOf('/')));
    if (path === undefined || !cgroups.isDirectory(path)) return false;
    me.cgroup = path;
  }
  return true;
}

interface Files {
  readonly input: OpenFile | undefined;
  readonly output: OpenFile | undefined;
  readonly errors: OpenFile | undefined;
}

class Command {
  readonly #world: World;
  readonly #me: Process;
  readonly #entry: CommandEntry;
  readonly #files: Files;
  #behaviour: CommandBehaviour | undefined;
  #lines = 0;

  constructor(world: World, entry: CommandEntry, files: Files) {
    this.#world = world;
    this.#me = entry.process;
    this.#entry = entry;
    this.#files = files;
  }

  leave(status: { code: number | null; signal: string | null }): void {
    if (this.#me.isDead) return;
    this.#me.status = status;
    if (this.#behaviour?.leavesOneBehind === true) this.#leaveOneBehind(this.#behaviour);
    this.#world.processes.end(this.#me);
  }

  begin(behaviour: CommandBehaviour): void {
    this.#behaviour = behaviour;
    const { code, onHangUp, runMs } = behaviour;
    this.#me.onSignal = (signal) => {
      if (signal === 'SIGUSR1' || onHangUp === 'ignores') return;
      if (onHangUp === 'dies') return this.leave({ code: null, signal });
      this.#after(300, 'heeds a signal', () => this.leave({ code, signal: null }));
    };
    const { input } = this.#files;
    if (behaviour.readsInput && input !== undefined) {
      input.wake = () => this.#after(1, 'reads its input', () => this.#echo(input));
      input.wake();
    }
    const endsAtMs = runMs === undefined ? undefined : this.#world.nowMs + runMs;
    this.#goOn(behaviour, endsAtMs);
  }

  #after(delayMs: number, label: string, work: () => void): void {
    this.#world.scheduler.after(delayMs, this.#me, label, work);
  }

  #goOn(behaviour: CommandBehaviour, endsAtMs: number | undefined): void {
    const { lines, lineBytes, everyMs, code } = behaviour;
    if (this.#lines < lines) {
      const isError = this.#lines % 4 === 3;
      const text = `${this.#lines + 1}:`.padEnd(lineBytes, 'x');
      const wrote = this.#write(isError ? 'stderr' : 'stdout', `${text}\n`);
      if (wrote) this.#lines += 1;
      this.#after(wrote ? everyMs : FULL_PIPE_AGAIN_MS, 'writes', () =>
        this.#goOn(behaviour, endsAtMs),
      );
    } else if (endsAtMs !== undefined) {
      const last = (): void => this.leave({ code, signal: null });
      this.#world.scheduler.at(endsAtMs, this.#me, 'ends by itself', last);
    }
  }

  /** False when it must wait. Nobody there to read it is the end of most programs. */
  #write(stream: 'stdout' | 'stderr', text: string): boolean {
    const { hasTerminal, written } = this.#entry;
    const file = stream === 'stdout' ? this.#files.output : this.#files.errors;
    const fifo = file?.inode.fifo as Fifo;
    if (fifo.readers.size === 0) {
      this.leave({ code: null, signal: 'SIGPIPE' });
      return false;
    }
    if (!hasRoom(fifo)) return false;
    fifo.waiting.push(text);
    written[hasTerminal ? 'stdout' : stream] += text;
    this.#world.disk.wake(fifo);
    return true;
  }

  /** Gives back what it reads, and ends with its input. */
  #echo(input: OpenFile): void {
    const fifo = input.inode.fifo as Fifo;
    const text = fifo.waiting.splice(0).join('');
    this.#world.disk.tellWriters(fifo);
    const typed = text.replaceAll(END_OF_INPUT, '');
    if (typed !== '') this.#write('stdout', typed);
    const isOver = fifo.writers.size === 0 || text.includes(END_OF_INPUT);
    if (isOver) this.leave({ code: this.#behaviour?.code ?? 0, signal: null });
  }

  #leaveOneBehind({ isUnmarked }: CommandBehaviour): void {
    const { environment } = this.#me;
    const left = this.#world.spawn({
      kind: 'leftover',
      parent: this.#me,
      environment: isUnmarked ? '' : environment,
      leads: isUnmarked,
    });
    if (left === undefined) return;
    const output = this.#files.output?.inode;
    if (output !== undefined) this.#world.disk.open(output, left, false, true);
    this.#world.ledger.joinCommand(this.#entry.launchKey, left);
  }
}
