import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { freshDir } from '../log/fresh-dir.ts';

/** A program of its own also because a test runner rewrites functions, whose text is part of what snapshots are of. */
const WRITER = new URL('snapshot-writer.ts', import.meta.url).pathname;

interface Told {
  readonly head: number;
  readonly saved: number;
}

/** Lets it write until it has made newer snapshots, and then some. Gives what it found, and what it told last. */
async function writeAndKill(dir: string, seed: number) {
  const args = [WRITER, dir, String(seed)];
  const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const told: Told[] = [];
  let left = 3 * seed;
  for await (const line of createInterface({ input: writer.stdout })) {
    told.push(JSON.parse(line) as Told);
    if ((told.at(-1)?.saved ?? 0) > (told[0]?.saved ?? 0)) left -= 1;
    if (left === 0) writer.kill('SIGKILL');
  }
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
  return { found: told[0], last: told.at(-1) };
}

it('what a killed agent leaves of its snapshots is used, and is what the whole log says', async () => {
  const dir = freshDir();
  let before: Told = { head: 0, saved: 0 };
  for (let seed = 1; seed <= 8; seed += 1) {
    const { found, last } = await writeAndKill(dir, seed);
    expect(found).toMatchObject({ isWhole: true, quarantined: 0, damage: null });
    expect(found?.head).toBeGreaterThanOrEqual(before.head);
    expect(found?.saved).toBeGreaterThanOrEqual(before.saved);
    before = last as Told;
  }
  expect(before.saved).toBeGreaterThan(700);
});
