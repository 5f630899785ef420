/** Which Java there is. */
import { execFile } from 'node:child_process';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';

/** As `java -version` says it. */
export interface JavaRuntime {
  readonly version: string;
  readonly runtime: string;
  readonly vm: string;
}

const LIMIT_MS = 5_000;

/** Absolute path of the first `java` of a PATH. */
export function findJava(path: string): string | undefined {
  const places = path.split(':').filter((dir) => dir.startsWith('/'));
  return places.map((dir) => join(dir, 'java')).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What is told of files that have not changed is not asked again: each asking starts a virtual machine. */
const known = new Map<string, JavaRuntime>();

/** Throws when it does not run, or does not say in 5 s which it is. */
export async function javaRuntime(java: string): Promise<JavaRuntime> {
  if (!isProgram(java)) throw new Error(`${java} is not a program`);
  const file = realpathSync(java);
  const { dev, ino, size, mtimeMs } = statSync(file);
  const identity = [file, dev, ino, size, mtimeMs].join(' ');
  const found = known.get(identity) ?? parseVersion(await versionText(java));
  known.clear();
  known.set(identity, found);
  return found;
}

/** It writes to stderr; nothing of the agent's own environment may change what it says. */
function versionText(java: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: LIMIT_MS, killSignal: 'SIGKILL', env: { LC_ALL: 'C' } } as const;
    execFile(java, ['-version'], options, (error, _stdout, stderr) => {
      if (error === null) return resolve(stderr);
      const isLate = error.killed === true;
      const why = isLate ? `it did not answer in ${LIMIT_MS / 1_000} s` : messageOf(error);
      reject(new Error(`${java} -version: ${why}`, { cause: error }));
    });
  });
}

/** Three lines, of which the first has the version in quotes; others may be before them. */
export function parseVersion(text: string): JavaRuntime {
  const lines = text.split('\n').map((line) => line.trim());
  const first = lines.findIndex((line) => /version "/.test(line));
  const version = /version "([^"]*)"/.exec(lines[first] ?? '')?.[1];
  if (version === undefined) throw new Error('java -version does not say which version it is');
  return { version, runtime: lines[first + 1] ?? '', vm: lines[first + 2] ?? '' };
}
