/**
 * The log collector is killed again and again under a program that numbers its lines; every byte is in the files, once
 * and in order. The control loses one write, and there must be a gap.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  collectUnderKills,
  faultInNumberedLines,
  openLaboratory,
  PUMP,
  segmentsOf,
} from '../fixtures/logmon/laboratory.ts';
import type { Drill, Findings } from './drill.ts';
import type { Patch } from '../patch.ts';
import { copyPackage } from './patched-copy.ts';

const FIXTURES = new URL('../fixtures/logmon/', import.meta.url).pathname;

/** The second move takes its bytes and tells nobody: the next one writes over them. */
const ONE_LOST_WRITE: readonly Patch[] = [
  {
    file: 'src/processes/logmon-host/mover.ts',
    find: `  move: spliceToFile,
  forget: () => undefined,
};`,
    replace: `  move: (from, to, offset, bytes) => {
    const moved = spliceToFile(from, to, offset, bytes);
    return moved > 0 && ++moves === 2 ? -ERRNO.EAGAIN : moved;
  },
  forget: () => undefined,
};
let moves = 0;`,
  },
];

export const logPump: Drill = {
  name: 'log pump',
  promise: 'a log collector that is killed loses, repeats and tears no byte',
  tools: [],
  privileges: [],
  mutants: [ONE_LOST_WRITE],
  cases: { share: 3, full: 120 },
  async run(findings, cases) {
    await findings.attempt('kills', async () => {
      const fault = await collect(findings, PUMP, cases);
      if (fault !== undefined) throw new Error(fault);
    });
    findings.count('kills', cases);
    const copy = mkdtempSync(join(tmpdir(), 'hf-pump-'));
    try {
      copyPackage(copy, ONE_LOST_WRITE);
      const programs = join(copy, 'test/fixtures/logmon');
      cpSync(FIXTURES, programs, { recursive: true });
      const fault = await collect(findings, join(programs, 'pump-process.ts'), 1);
      findings.control('one lost write', fault !== undefined, fault ?? 'no line was missing');
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  },
};

/** What is wrong with the lines that were collected over so many kills, undefined when nothing is. */
async function collect(
  findings: Findings,
  pump: string,
  kills: number,
): Promise<string | undefined> {
  using lab = openLaboratory();
  const lifeMs = (): number => 20 + findings.between(0, 30);
  const lines = await collectUnderKills(lab, pump, kills, lifeMs);
  findings.count('lines', lines);
  const text = Buffer.concat([...(await segmentsOf(lab.dir))]).toString('latin1');
  return faultInNumberedLines(text, lines);
}
