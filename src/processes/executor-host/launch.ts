import { closeSync, lstatSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, HoldfastError, isExhaustion, messageOf } from '../../errors.ts';
import { makeFifo, memoryFile, spawnSession } from '../../os/libc.ts';
import { makeBelow } from '../../os/make-below.ts';
import { readFate, readIdentity, tryAbort, writeIntent } from '../../os/run-directory.ts';
import type { LaunchRequest, LaunchResponse } from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import type { Confining } from './chain.ts';
import { writeCollect } from './collect-file.ts';
import { isUnderWay, prepareConfining, refusalOf } from './confining.ts';
import { containerFailure, containerWords, type ShimWords } from './container.ts';
import { assertExecutable } from './executable.ts';
import type { Run } from './run.ts';
import { programText } from './shim.ts';
import type { Watch } from './watch.ts';

/** Where shims come from. */
export interface ShimSource {
  /** Absolute path of a POSIX shell. */
  readonly shell: string;
  /** Absolute path of the script, written by `installShim`. */
  readonly script: string;
  /** Called before every start: writes the script again when somebody has removed it. */
  readonly ensureScript: () => void;
  readonly instanceId: string;
  readonly machineEpoch: string;
}

/** Files are the truth and a wake-up may be lost with another host: look at them this often at least. */
const LOOK_AGAIN_MS = 50;

/**
 * Starts the run's program unless somebody has, and answers when its identity is on disk or when it is certain that it
 * will never be. Repeatable; throws only for a request that makes no sense.
 */
export async function launch(
  run: Run,
  request: LaunchRequest,
  source: ShimSource,
  watch: Watch,
): Promise<LaunchResponse> {
  // crash point: executor.launch.asked
  run.isLaunchedHere = true;
  run.cgroup = request.confinement?.cgroup ?? '';
  run.collect = request.collect ?? 'none';
  // What this host has seen of it counts for more than a directory that somebody has removed since.
  const isKnown = run.program !== undefined || run.end !== undefined;
  if (!isKnown) makeBelow(dirname(dirname(run.dir)), run.dir);
  const isNew = !isKnown && readFate(run.dir).is === 'absent';
  const failure = isNew ? begin(run, request, source, watch) : undefined;
  if (failure !== undefined) {
    // crash point: executor.abort.before
    // A shim of another host may have won in the meantime: then the run is on after all.
    if (tryAbort(run.dir, 'host: the start failed')) return failed(failure);
  }
  if (run.ownShim === undefined) watch.takeUp(run);
  for (;;) {
    watch.noticeProgram(run);
    const refusal = refusalOf(run);
    if (refusal !== undefined) return failed(refusal);
    if (run.program !== undefined && isUnderWay(run)) {
      // crash point: executor.identity.seen
      // It was taken for one that never starts, and a shim that was slow has won after all.
      if (run.end?.is === 'never') {
        run.end = undefined;
        watch.takeUp(run);
      }
      // The end of our own shim is told by SIGCHLD: `life` is not needed any longer.
      if (run.ownShim !== undefined) watch.release(run);
      return { outcome: { $case: 'started', value: { ...run.program } } };
    }
    if (run.end?.is === 'aborted') return { outcome: { $case: 'aborted', value: {} } };
    if (run.end?.is === 'never' || (run.end?.is === 'exited' && !mayBeNamed(run))) {
      // The shim's child ended before it had written who it is, so before the program's first instruction.
      const reason = run.end.is === 'never' ? run.end.reason : 'the start ended halfway';
      // Without a winner the end is only what it looked like: another shim may be about to win.
      const hasWinner = run.end.is === 'exited' || run.end.hadWinner;
      if (hasWinner || tryAbort(run.dir, `host: ${reason}`))
        return neverStarted(run, reason, request);
      run.end = undefined;
      watch.takeUp(run);
    }
    await run.changed(LOOK_AGAIN_MS);
  }
}

/** Is there an identity that was not readable just now, or one that came in between? Then it is no halfway start. */
function mayBeNamed(run: Run): boolean {
  const { is } = readIdentity(run.dir);
  return is === 'whole' || is === 'unreadable';
}

/** A reason why nothing was started, or undefined when a shim was. */
function begin(
  run: Run,
  request: LaunchRequest,
  source: ShimSource,
  watch: Watch,
): HoldfastError | undefined {
  try {
    assertStartable(request);
  } catch (error) {
    const code = isExhaustion(errnoOf(error)) ? 'START_RETRYABLE' : 'START_FAILED';
    return ofOurs(error) ?? new HoldfastError(code, messageOf(error), { cause: error });
  }
  try {
    // crash point: executor.intent.before
    writeIntentOf(run, request, source);
    if (request.collect !== undefined) writeCollect(run.dir, request.collect);
    // crash point: executor.intent.written
    const confining = prepareConfining(run, request);
    // crash point: executor.cgroup.made
    makeLife(run.dir);
    // crash point: executor.life.made
    watch.listen(run);
    watch.ownShim(run, startShim(run, request, source, confining));
    // crash point: executor.spawn.after
    return undefined;
  } catch (error) {
    watch.release(run);
    // The request is in order: what this machine has not got now it may have for the next start.
    return (
      ofOurs(error) ?? new HoldfastError('START_RETRYABLE', messageOf(error), { cause: error })
    );
  }
}

function ofOurs(error: unknown): HoldfastError | undefined {
  return HoldfastError.is(error) && error.code !== 'INTERNAL' ? error : undefined;
}

function assertStartable(request: LaunchRequest): void {
  const words = [request.command, request.cwd, ...request.args];
  for (const [name, value] of Object.entries(request.env)) {
    words.push(value);
    if (!/^[^=\0]+$/.test(name)) {
      throw new HoldfastError('START_FAILED', `${JSON.stringify(name)} cannot name a variable`);
    }
  }
  assertWords(words);
  // Below a root of its own only the runtime can look.
  if (request.confinement?.isolation === undefined) assertPlace(request);
  for (const fifo of [request.stdoutFifo, request.stderrFifo]) {
    // Nobody wants it.
    if (fifo === '/dev/null') continue;
    // A shell would make a plain file of a missing FIFO, and the output would lie in it unread.
    if (lstatSync(fifo, { throwIfNoEntry: false })?.isFIFO()) continue;
    throw new HoldfastError('START_RETRYABLE', `${fifo} is not a FIFO: logmon has not made it`);
  }
}

function assertPlace({ command, cwd }: LaunchRequest): void {
  assertExecutable(command);
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
    throw new HoldfastError('START_FAILED', `the working directory ${cwd} is missing`);
  }
}

/** What the kernel takes as one argument or variable, its name included. */
const WORD_LIMIT_BYTES = 128 * 1024 - 256;

function assertWords(words: readonly string[]): void {
  for (const word of words) {
    if (word.includes('\0')) {
      throw new HoldfastError('START_FAILED', 'no argument or variable may hold a NUL byte');
    }
    if (Buffer.byteLength(word) > WORD_LIMIT_BYTES) {
      const message = `no argument or variable may be longer than ${WORD_LIMIT_BYTES} bytes`;
      throw new HoldfastError('START_FAILED', message);
    }
  }
}

function writeIntentOf(run: Run, request: LaunchRequest, source: ShimSource): void {
  const { allocId, task, token, mark, specHash } = request;
  const { instanceId, machineEpoch } = source;
  const cgroup = request.confinement?.cgroup;
  const identity = { protocol: 1, instanceId, allocId, task, run: request.run } as const;
  const place = { machineEpoch, ...(cgroup && { cgroup }) };
  writeIntent(run.dir, { ...identity, ...place, token, mark, specHash });
}

function makeLife(dir: string): void {
  try {
    makeFifo(join(dir, 'life'));
  } catch (error) {
    if (!HoldfastError.is(error, 'ALREADY_EXISTS')) throw error;
  }
}

function startShim(
  run: Run,
  request: LaunchRequest,
  source: ShimSource,
  confining: Confining,
): number {
  const { shell, script } = source;
  source.ensureScript();
  const { text, args } = wordsFor(run, request, confining);
  const words = memoryFile('holdfast-program');
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(words, bytes, at);
    // crash point: executor.spawn.before
    return spawnSession({
      path: shell,
      argv: [shell, script, run.dir, request.stdoutFifo, request.stderrFifo, ...args],
      environment: ['PATH=/usr/bin:/bin'],
      stdin: words,
    });
  } finally {
    closeSync(words);
  }
}

function wordsFor(run: Run, request: LaunchRequest, confining: Confining): ShimWords {
  if (request.confinement?.isolation !== undefined) return containerWords(run.dir, request);
  const { command, args, cwd } = request;
  const env = { ...request.env, HOLDFAST_MARK: request.mark };
  return { text: programText({ command, args, env, cwd, confining }), args: [] };
}

function neverStarted(run: Run, reason: string, { confinement }: LaunchRequest): LaunchResponse {
  const refusal = containerFailure(run.dir, confinement?.limits);
  if (refusal !== undefined) return failed(refusal);
  const message = `${reason} (${run.dir})`;
  return failed(new HoldfastError('START_RETRYABLE', message));
}

function failed({ code, message, retryable }: HoldfastError): LaunchResponse {
  return { outcome: { $case: 'failed', value: { code, message, retryable } } };
}
