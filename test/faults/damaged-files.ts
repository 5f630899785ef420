/**
 * Thousands of openings of a data directory whose store, run files, specs and addresses were damaged, in one process
 * after the other, with mocked tasks: the agent always starts, nothing doubles, nothing is invented, losses are told.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Drill, Findings } from './drill.ts';
import type { Patch } from '../patch.ts';
import { copyPackage } from './patched-copy.ts';

const WITHOUT_LOGMON: readonly Patch[] = [
  {
    file: 'src/actors/children.ts',
    find: `import { Logmon } from './logmon.ts';`,
    replace: `import { SilentLogmon as Logmon } from '../../test/faults/programs/silent-logmon.ts';`,
  },
];

const UNCHECKED: readonly Patch[] = [
  ...WITHOUT_LOGMON,
  {
    file: 'src/log/sqlite-row.ts',
    find: `  if (checksumOf(seed, row) !== crc) throw damaged(position, 'the checksum is wrong');\n`,
    replace: '',
  },
];

/** A case that has said nothing for so long hangs. */
const SILENCE_MS = 30_000;

export const damagedFiles: Drill = {
  name: 'damaged files',
  promise: 'an agent opens whatever happened to its files: nothing doubles, nothing is invented',
  tools: [],
  privileges: [],
  mutants: [UNCHECKED],
  cases: { share: 50, full: 3_000 },
  async run(findings, cases) {
    await openAll(findings, WITHOUT_LOGMON, cases);
    await openAll(findings, WITHOUT_LOGMON, ROW_CASES, 'rows');
    const found = new Findings(findings.seed);
    await openAll(found, UNCHECKED, ROW_CASES, 'rows');
    const [first] = found.failures;
    const text = first === undefined ? 'nothing was noticed' : `${first.case}: ${first.text}`;
    findings.control('checksums that nobody looks at', first !== undefined, text.slice(0, 200));
  },
};

/** One bit in an event. Every second one is seen by any agent: it makes no JSON, or no key. */
const ROW_CASES = 8;

/** From so many on it is worth while to open on all processors at once. */
const LANE_CASES = 200;

async function openAll(
  findings: Findings,
  patches: readonly Patch[],
  cases: number,
  ...words: readonly string[]
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'hf-damage-'));
  const program = join(home, 'test/faults/programs/damaged-opens.ts');
  try {
    copyPackage(home, patches);
    const lanes = cases < LANE_CASES ? 1 : availableParallelism();
    const starts = Array.from({ length: lanes }, (_, lane) => Math.floor((cases * lane) / lanes));
    await Promise.all(
      starts.map(async (start, lane) => {
        const end = starts[lane + 1] ?? cases;
        // A hang or a crash costs its own case only.
        for (let next = start; next < end;) {
          const args = [program, findings.seed, next, end - next, ...words].map(String);
          next = await openFrom(findings, args, next, end);
        }
      }),
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Opens from case `from` on, to the end or to a case that ends its process; gives the next one. */
function openFrom(
  findings: Findings,
  args: readonly string[],
  from: number,
  cases: number,
): Promise<number> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let number = from - 1;
  let what = 'making the template';
  let errors = '';
  let isFinished = false;
  let watchdog: NodeJS.Timeout | undefined;
  const expectWords = (): void => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
  };
  const hear = (line: string): void => {
    expectWords();
    const begun = /^case (\d+): (.*)$/.exec(line);
    if (begun !== null) {
      number = Number(begun[1]);
      what = `${begun[1]}: ${begun[2]}`;
      findings.count('openings');
    } else if (line === 'finished') isFinished = true;
    else if (line.startsWith('wrong: ')) findings.fail(what, line.slice('wrong: '.length));
    else findings.count(line);
  };
  expectWords();
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) hear(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      clearTimeout(watchdog);
      if (isFinished) return resolve(cases);
      const end =
        signal === 'SIGKILL' ? 'it hangs' : `its process ended (${code ?? signal}): ${errors}`;
      if (number < from) return reject(new Error(`${what}: ${end}`));
      findings.fail(what, end);
      resolve(number + 1);
    });
  });
}
