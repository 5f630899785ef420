/** One life of a program of the rig, held by strace or not: what it said, how it ended, what it was hit by. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A life takes a second; one that is not over after so long is let go by strace. */
const HELD_MS = 15_000;
/** And after so much longer it hangs, and ends by SIGQUIT. */
const PATIENCE_MS = 45_000;

export interface Life {
  /** Lines that it said, each a JSON array. */
  readonly words: readonly (readonly unknown[])[];
  /** The last call that was answered with an error or with a signal; undefined when none was. */
  readonly hit: string | undefined;
  /** Its exit status, or the signal that ended it. */
  readonly end: string;
  readonly errors: string;
  /** It waited for as long as the fault lasted, and went on by itself then. */
  readonly wasHeldUp: boolean;
}

/**
 * `inject` as strace takes it. The program says a line when it may be held, and goes on when it is told to. strace
 * counts the calls of every process for itself: a host whose 21st call fails fails at every start, and whoever needs
 * one waits until strace has gone.
 */
export async function liveTraced(
  args: readonly string[],
  home: string,
  inject: string | undefined,
): Promise<Life> {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(home, 'cache') };
  const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  const heard = listen(child);
  await heard.first;
  const trace = join(home, 'trace');
  rmSync(trace, { force: true });
  const tracer = inject === undefined ? undefined : await hold(child.pid ?? 0, inject, trace);
  child.stdin.on('error', () => undefined).end('go\n');
  const isOver = await Promise.race([
    ended.then(() => true),
    delay(HELD_MS, false, { ref: false }),
  ]);
  if (tracer !== undefined) await letGo(tracer);
  const patience = setTimeout(() => child.kill('SIGQUIT'), PATIENCE_MS);
  const [code, signal] = (await ended) as [number | null, string | null];
  clearTimeout(patience);
  return {
    words: heard.words(),
    hit: hitIn(trace),
    end: signal ?? String(code),
    errors: heard.errors(),
    wasHeldUp: !isOver && signal !== 'SIGQUIT',
  };
}

function hitIn(trace: string): string | undefined {
  if (!existsSync(trace)) return undefined;
  const lines = readFileSync(trace, 'utf8').split('\n');
  return lines.findLast((line) => / \((INJECTED|DELAYED)\)|\+\+\+ killed by SIGKILL/.test(line));
}

function listen(child: ChildProcess) {
  let text = '';
  let errors = '';
  const first = Promise.withResolvers<void>();
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    if (text.includes('\n')) first.resolve();
  });
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => (errors += piece));
  child.once('close', () => first.resolve());
  return {
    first: first.promise,
    words: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as readonly unknown[]),
    errors: () => errors,
  };
}

/** Resolves when strace has every thread. Processes that are started later are held too. */
async function hold(pid: number, inject: string, trace: string): Promise<ChildProcess> {
  const calls = inject.slice(0, inject.indexOf(':'));
  const args = [
    '-f',
    '-p',
    String(pid),
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${inject}`,
    '-o',
    trace,
  ];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  tracer.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  while (!said.includes('attached')) {
    if (tracer.exitCode !== null) throw new Error(`strace ended: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return tracer;
}

/** Hosts that were started meanwhile go on without it. */
async function letGo(tracer: ChildProcess): Promise<void> {
  if (tracer.exitCode !== null || tracer.signalCode !== null) return;
  const ended = once(tracer, 'exit');
  tracer.kill('SIGINT');
  await ended;
}
