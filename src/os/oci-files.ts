/**
 * The files of a container below its run's directory, `run/<launchKey>/oci/`. The container has the run's launch key as
 * its name and a runc state directory of its own, so that all of it goes with the run.
 *   bundle/config.json  a link to descriptor 6 of whoever reads it: nothing of the program is on disk
 *   sync                a FIFO that conmon holds for as long as it lives; says the pid of the container
 *   log                 what runc said of creating it, in lines of JSON
 *   told                what conmon said when there was no container
 *   state/<key>/        runc's; exec.fifo is there until the program was let go
 *   code/<key>          how the program ended, written by conmon: 0-255, 128 + n for signal n
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readPlainFile } from './plain-file.ts';

/** Is the run one of a container? */
export function hasContainer(runDir: string): boolean {
  return existsSync(join(runDir, 'oci'));
}

/** What `runc --root` is given for this run; its container's name is the launch key. */
export function runcRoot(runDir: string): string {
  return join(runDir, 'oci', 'state');
}

/** Does runc know of a container: created, running, or not yet removed? */
export function isCreated(runDir: string): boolean {
  return existsSync(join(runcRoot(runDir), basename(runDir), 'state.json'));
}

/** Was it created and has not been let go: its first process waits before the program's first instruction. */
export function isWaiting(runDir: string): boolean {
  return existsSync(join(runcRoot(runDir), basename(runDir), 'exec.fifo'));
}

/** The status that conmon left, 0-255, and when. Undefined while there is none, 'broken' for what is no status. */
export function containerCode(
  runDir: string,
): { readonly code: number; readonly writtenAtMs: number } | 'broken' | undefined {
  const found = readPlainFile(join(runDir, 'oci', 'code', basename(runDir)));
  if (found.is === 'absent') return undefined;
  if (found.is !== 'text' || !/^\d{1,3}$/.test(found.text)) return 'broken';
  const code = Number(found.text);
  return code > 255 ? 'broken' : { code, writtenAtMs: found.stats.mtimeMs };
}

/** Why there was no container, in the words of runc or else of conmon; undefined when neither said anything. */
export function createFailure(runDir: string): string | undefined {
  return lastError(join(runDir, 'oci', 'log')) ?? lastError(join(runDir, 'oci', 'told'));
}

/** The newest error that runc wrote to a log of lines of JSON; undefined when there is none. */
export function lastError(path: string): string | undefined {
  const found = readPlainFile(path);
  if (found.is !== 'text') return undefined;
  for (const line of found.text.trim().split('\n').toReversed()) {
    const said = errorIn(line);
    if (said !== undefined) return said;
  }
  return undefined;
}

function errorIn(line: string): string | undefined {
  try {
    const { level, msg, message } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const text = level === 'error' ? msg : message;
    return typeof text === 'string' && text !== '' ? text.trim() : undefined;
  } catch {
    return undefined;
  }
}
