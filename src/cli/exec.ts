/** `holdfast exec REF -- COMMAND`: a command beside a task, with this terminal as its own. */
import { constants, userInfo } from 'node:os';
import { ERROR_CODES, type ErrorCode, HoldfastError } from '../errors.ts';
import { dataDirectory } from './data-dir.ts';
import { ExecRelay } from './exec-relay.ts';
import { findAgent } from './find-agent.ts';
import { say, write } from './output.ts';
import { RawTerminal, terminalSize } from './raw-terminal.ts';
import type { ExecExit, ExecSession, Orchestrator } from '../api.ts';

export interface ExecCommandOptions {
  readonly dataDir?: string;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
}

/** Holdfast failed. */
const FAILED = 125;
/** The command did not begin since something else must be asked for: these keep the status they have everywhere. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'USAGE',
  'NOT_FOUND',
  'AMBIGUOUS',
  'WRONG_STATE',
  'CAPABILITY_MISSING',
  'PERMISSION_DENIED',
  'COMMAND_NOT_FOUND',
  'COMMAND_NOT_EXECUTABLE',
]);
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

export async function exec(
  ref: string,
  argv: readonly string[],
  options: ExecCommandOptions,
): Promise<void> {
  const { user, workdir } = options;
  await asCommand(options, async (agent, { hasTerminal }) => {
    const env = { ...(hasTerminal ? ownTerm() : {}), ...environmentOf(options.env ?? []) };
    return agent.exec(ref, argv, {
      env,
      actor: actorName(),
      ...(user === undefined ? {} : { user }),
      ...(workdir === undefined ? {} : { cwd: workdir }),
      ...(hasTerminal ? { terminal: terminalSize() } : {}),
    });
  });
}

/** `holdfast attach SESSION`: goes on with a command whose terminal was lost. */
export async function attach(session: string, options: ExecCommandOptions): Promise<void> {
  await asCommand(options, async (agent, { hasTerminal }) => {
    const found = await agent.attach(session);
    if (hasTerminal) await found.resize(terminalSize());
    return found;
  });
}

interface Manner {
  readonly hasTerminal: boolean;
  readonly passesInput: boolean;
}

type Open = (agent: Orchestrator, manner: Manner) => Promise<ExecSession>;

async function asCommand(options: ExecCommandOptions, open: Open): Promise<void> {
  let hasBegun = false;
  const begin: Open = async (agent, manner) => {
    const session = await open(agent, manner);
    hasBegun = true;
    return session;
  };
  try {
    process.exitCode = await converse(dataDirectory(options.dataDir), mannerOf(options), begin);
  } catch (error) {
    const { code, message } = HoldfastError.from(error);
    say(`holdfast: ${message}`);
    const isRefused = !hasBegun && REFUSALS.has(code);
    process.exitCode = isRefused ? ERROR_CODES[code].exit : FAILED;
  }
}

function mannerOf({ tty, interactive }: ExecCommandOptions): Manner {
  const isGuessed = tty === undefined && interactive === undefined;
  const isAtTerminal = process.stdin.isTTY && process.stdout.isTTY;
  return {
    hasTerminal: tty ?? (isGuessed && isAtTerminal),
    passesInput: interactive ?? (isGuessed && isAtTerminal),
  };
}

async function converse(dataDir: string, manner: Manner, open: Open): Promise<number> {
  const agent = await findAgent(dataDir);
  const session = await open(agent, manner).catch(async (error: unknown) => {
    await agent.close();
    throw error;
  });
  await using relay = new ExecRelay(dataDir, agent, session);
  const resize = (): void => void relay.resize(terminalSize()).catch(() => undefined);
  const isRaw = manner.hasTerminal && manner.passesInput && process.stdin.isTTY;
  using _terminal = isRaw ? new RawTerminal(resize) : new PassedSignals(relay);
  using _input = manner.passesInput ? new PassedInput(relay) : undefined;
  if (!manner.passesInput) void relay.end().catch(() => undefined);
  const exit = await relay.pass(({ stream, data }) =>
    write(data, stream === 'stderr' ? process.stderr : process.stdout),
  );
  return statusOf(exit);
}

/** Standard input, no faster than the command reads it. */
class PassedInput implements Disposable {
  readonly #relay: ExecRelay;
  #isOver = false;
  readonly #onData = (chunk: Buffer): void => {
    process.stdin.pause();
    const goOn = (): void => {
      if (!this.#isOver) process.stdin.resume();
    };
    this.#relay.write(chunk).then(goOn, () => undefined);
  };
  readonly #onEnd = (): void => void this.#relay.end().catch(() => undefined);

  constructor(relay: ExecRelay) {
    this.#relay = relay;
    process.stdin.on('data', this.#onData).once('end', this.#onEnd);
  }
  [Symbol.dispose](): void {
    this.#isOver = true;
    process.stdin.off('data', this.#onData).off('end', this.#onEnd).pause();
  }
}

/** Without a terminal in between, a signal for this process is meant for the command; the second ^C hangs up. */
class PassedSignals implements Disposable {
  readonly #relay: ExecRelay;
  #interrupts = 0;
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#interrupts += signal === 'SIGINT' ? 1 : 0;
    const passed = this.#interrupts > 1 ? this.#relay.close() : this.#relay.signal(signal);
    passed.catch(() => undefined);
  };

  constructor(relay: ExecRelay) {
    this.#relay = relay;
    for (const signal of PASSED_ON) process.on(signal, this.#onSignal);
  }
  [Symbol.dispose](): void {
    for (const signal of PASSED_ON) process.off(signal, this.#onSignal);
  }
}

function statusOf({ exitCode, signal, reason }: ExecExit): number {
  if (exitCode !== null) {
    if (reason !== 'exited') say(`holdfast: ${reason}`);
    return exitCode;
  }
  if (signal === null) {
    say(`holdfast: nobody knows how the command ended: ${reason}`);
    return FAILED;
  }
  if (reason !== `ended by ${signal}`) say(`holdfast: the command was ended: ${reason}`);
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
}

/** Throws USAGE for what is no NAME=VALUE. */
function environmentOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
      throw new HoldfastError('USAGE', `-e ${word}: NAME=VALUE is expected`);
    }),
  );
}

/** What draws on this terminal must know which one it is. */
function ownTerm(): Record<string, string> {
  const term = process.env['TERM'];
  return term === undefined ? {} : { TERM: term };
}

function actorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
