/**
 * A command in the container of a run. Without a terminal runc only starts it, detached, and its process becomes a
 * child of this host: nothing stands between it and its pipes, and its status is exact. With one runc stays: it has the
 * pair inside the container and passes on what comes, sizes too.
 */
import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { constants } from 'node:os';
import { HoldfastError } from '../../../errors.ts';
import type { ProcessEnd } from '../../../os/attached-process.ts';
import { lastError, runcRoot } from '../../../os/oci-files.ts';
import { ociPrograms } from '../../../os/oci-programs.ts';
import type { Confinement } from '../../../rpc/gen/holdfast/executor/v1/executor.ts';
import type { OpenSessionRequest } from '../../../rpc/gen/holdfast/executor/v1/sessions.ts';
import { failureOf } from '../container.ts';
import { processOf } from '../oci-config.ts';
import type { Run } from '../run.ts';
import { findSessionCommand, insideOf } from '../../sessions/session-command.ts';
import { marksOf } from '../../sessions/session-marks.ts';
import type { SessionStart } from './session-program.ts';

/** What runc exits with when it could not do what it was asked; a command may exit so too. */
const RUNC_FAILED = 255;

/** Throws CAPABILITY_MISSING, and what `findSessionCommand` does. */
export function containerStart(
  request: OpenSessionRequest,
  confinement: Confinement,
  { dir: runDir, program }: Run,
): SessionStart {
  const { runc } = ociPrograms();
  if (runc === undefined) {
    throw new HoldfastError('CAPABILITY_MISSING', 'runc is not on this machine any more');
  }
  const { argv, cwd, mark, terminal } = request;
  const env = { ...request.env, ...marksOf(request) };
  const place = program && insideOf(program.pid);
  // runc says less, and with a terminal it says so too late.
  const command = place === undefined ? (argv[0] ?? '') : findSessionCommand(request, place);
  const args = argv.slice(1);
  const words = {
    ...processOf({ command, args, env, cwd, mark }, confinement),
    terminal: terminal !== undefined,
    // runc takes the size of its own terminal over only when the command runs already.
    ...(terminal && { consoleSize: { width: terminal.columns, height: terminal.rows } }),
  };
  const { log, pid } = filesOf(runDir, request.session);
  const detached = terminal === undefined ? ['--detach', '--pid-file', pid] : [];
  return {
    path: runc,
    args: [
      '--root',
      runcRoot(runDir),
      '--log',
      log,
      '--log-format',
      'json',
      'exec',
      '--process',
      '/proc/self/fd/3',
      ...detached,
      basename(runDir),
    ],
    words: JSON.stringify(words),
  };
}

function filesOf(runDir: string, session: string): { readonly log: string; readonly pid: string } {
  const stem = join(runDir, 'oci', `session-${session}`);
  return { log: `${stem}.log`, pid: `${stem}.pid` };
}

/** What became of it when runc ended: the command's own process, its end, or why there was none. */
export type RuncEnd =
  | { readonly is: 'begun'; readonly pid: number }
  | { readonly is: 'ended'; readonly end: ProcessEnd }
  | { readonly is: 'refused'; readonly error: HoldfastError };

export function whatRuncDid(
  { session, terminal }: OpenSessionRequest,
  runDir: string,
  status: ProcessEnd,
): RuncEnd {
  const { log, pid } = filesOf(runDir, session);
  try {
    const text =
      status.exitCode === RUNC_FAILED || terminal === undefined ? lastError(log) : undefined;
    if (status.exitCode !== 0 && text !== undefined) {
      return { is: 'refused', error: failureOf(text) };
    }
    if (terminal !== undefined) return { is: 'ended', end: throughRunc(status) };
    if (status.exitCode === 0) return { is: 'begun', pid: Number(readFileSync(pid, 'latin1')) };
    const why = status.signal ?? `exit code ${status.exitCode}`;
    return { is: 'refused', error: new HoldfastError('START_FAILED', `runc ended with ${why}`) };
  } finally {
    for (const file of [log, pid]) rmSync(file, { force: true });
  }
}

/** 128 + n is a signal where n is one, as for the program of the container itself. */
function throughRunc(status: ProcessEnd): ProcessEnd {
  const number = (status.exitCode ?? 0) - 128;
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found === undefined ? status : { exitCode: null, signal: found[0] };
}
