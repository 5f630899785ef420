/** A place for the files of a test. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** In memory where there is such a place: what is tested is never the speed of the disk. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A directory that is gone after the test. */
export function freshDir(): string {
  const dir = mkdtempSync(join(PLACE, 'holdfast-log-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
