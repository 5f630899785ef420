/** Every line that a program printed is in the log files: once, whole and in order. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { segmentsIn } from '../logs/files.ts';
import { isRemoved } from './history.ts';
import type { Story } from './verdict.ts';

export function faultsInOutput(story: Story): readonly string[] {
  const kept = Object.keys(story.work.runs).filter((task) => !isRemoved(story.history, task));
  return kept.flatMap((task) => faultsInTask(task, story));
}

function faultsInTask(task: string, { ledger, harm, places }: Story): readonly string[] {
  const printed = runsIn(outputOf(places.dataDir, task));
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { launchKey, numbers } of printed) {
    if (seen.has(launchKey)) faults.push(`${task}: lines of ${launchKey} come twice`);
    seen.add(launchKey);
    const wrong = numbers.findIndex((number, index) => number !== index + 1);
    if (wrong >= 0)
      faults.push(`${task}: line ${numbers[wrong]} of ${launchKey} where ${wrong + 1} was due`);
  }
  if (harm.losesPipes) return faults;
  for (const { launchKey, lines } of ledger.ends.filter((end) => end.task === task)) {
    const found = printed.find((run) => run.launchKey === launchKey)?.numbers.length ?? 0;
    if (found !== lines)
      faults.push(`${task}: ${found} of ${lines} lines of ${launchKey} were collected`);
  }
  return faults;
}

interface Printed {
  readonly launchKey: string;
  readonly numbers: number[];
}

/** Lines as they stand, run after run. A last line of a killed program may be cut. */
function runsIn(text: string): readonly Printed[] {
  const runs: Printed[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const [, key = 'nobody', number] = /^([a-z2-7]{20}) (\d{7}) \.{60}$/.exec(line) ?? [];
    let run = runs.at(-1);
    if (run?.launchKey !== key) runs.push((run = { launchKey: key, numbers: [] }));
    run.numbers.push(Number(number ?? Number.NaN));
  }
  return runs;
}

function outputOf(dataDir: string, task: string): string {
  const [alloc = '', name = ''] = task.split('/');
  const dir = join(dataDir, 'state', 'logs', alloc);
  if (!existsSync(dir)) return '';
  const segments = segmentsIn(dir, name, 'stdout');
  return Buffer.concat(segments.map(({ bytes }) => bytes)).toString();
}
