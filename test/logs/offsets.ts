/** Lines that end at every offset around the limit of a segment, written in pieces of all kinds. */
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Drill } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { withMutant } from './room.ts';

const PLAY = 'test/logs/offsets-play.ts';

/** What is seen is moved up to the limit, whatever line is cut by it. */
const CUT_LINES: readonly Patch[] = [
  {
    file: 'src/processes/logmon-host/rotation.ts',
    find: `if (wholeLines > 0) return { kind: 'move', bytes: wholeLines };`,
    replace: `if (wholeLines > 0) return { kind: 'move', bytes: seen.length };`,
  },
];

export const rotationOffsets: Drill = {
  name: 'rotation offsets',
  promise:
    'a line that ends anywhere around the limit of a file is in one file, and no file is over',
  tools: [],
  privileges: [],
  mutants: [CUT_LINES],
  // Lengths of lines; each is tried at every offset.
  cases: { share: 3, full: 13 },
  async run(findings, cases) {
    const { count, faults } = play(join(import.meta.dirname, '..', '..'), cases);
    findings.count('streams', count);
    for (const fault of faults) findings.fail('rotation', fault);
    await withMutant(CUT_LINES, async (_command, home) => {
      cpSync(join(import.meta.dirname, 'offsets-play.ts'), join(home, PLAY));
      const [fault] = play(home, 1).faults;
      findings.control('a collector that cuts lines', fault !== undefined, fault ?? 'nothing');
    });
  },
};

function play(home: string, lengths: number): { count: number; faults: readonly string[] } {
  const args = [join(home, PLAY), String(lengths)];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the play ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as { count: number; faults: readonly string[] };
}
