/** Links, FIFOs and directories where output is collected, as somebody would put them there who may write there. */
import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/api.ts';
import { messageOf } from '../../src/errors.ts';
import { ended, outputOf, printing, sourceIn } from './printing.ts';
import { withDir } from './room.ts';

const SECRET = 'this is of somebody else\n';

type Trap = (place: string, outside: string, nowhere: string) => void;

/** What is put in a place: `outside` is a file of somebody else, `nowhere` a path where nothing is. */
const TRAPS: Readonly<Record<string, Trap>> = {
  'link to a file': (place, outside) => symlinkSync(outside, place),
  'link to nothing': (place, _outside, nowhere) => symlinkSync(nowhere, place),
  'link to a device': (place) => symlinkSync('/dev/zero', place),
  fifo: (place) => void execFileSync('mkfifo', [place]),
  directory: (place) => mkdirSync(place),
  'hard link': (place, outside) => linkSync(outside, place),
};
/** The names that a log collector takes behind `<task>.stdout`. */
const PLACES = ['', '.0', '.1', '.0.marks', '.1.marks', '.gaps', '.0.gz', '.0.gz.part'];

interface SetTrap {
  readonly task: string;
  readonly name: string;
  readonly set: Trap;
  readonly place: string;
}

export function trapsOf(kinds: readonly string[], places: readonly string[]): readonly SetTrap[] {
  return kinds.flatMap((kind, row) =>
    places.map((place, column) => ({
      task: `t${row}-${column}`,
      name: `${kind} at <task>.stdout${place}`,
      set: TRAPS[kind] as Trap,
      place,
    })),
  );
}

/** Every trap in every place. */
export function allTraps(): readonly SetTrap[] {
  return trapsOf(Object.keys(TRAPS), PLACES);
}

/** One task for each trap prints two files and a half; by name, what is wrong afterwards. */
export async function faultsOf(
  agent: Orchestrator,
  dataDir: string,
  traps: readonly SetTrap[],
): Promise<ReadonlyMap<string, string>> {
  return withDir(async (dir) => {
    const allocId = 'trapped';
    const logs = join(dataDir, 'state', 'logs', allocId);
    mkdirSync(logs, { recursive: true, mode: 0o750 });
    const source = sourceIn(dir, 2.5);
    for (const { task, place, set } of traps) {
      writeFileSync(join(dir, task), SECRET, { mode: 0o600 });
      set(join(logs, `${task}.stdout${place}`), join(dir, task), join(dir, `${task}.new`));
    }
    const tasks = traps.map(({ task }) => printing(task, [source]));
    await ended(agent, { name: 'trapped', type: 'batch', tasks }, allocId);
    const faults = new Map<string, string>();
    for (const { task, name, set } of traps) {
      const isHardLink = set === TRAPS['hard link'];
      const ref = `${allocId}/${task}`;
      const fault = await faultOfTrap(agent, ref, join(dir, task), source, isHardLink);
      if (fault !== undefined) faults.set(name, fault);
    }
    return faults;
  });
}

async function faultOfTrap(
  agent: Orchestrator,
  ref: string,
  outside: string,
  source: string,
  isHardLink: boolean,
): Promise<string | undefined> {
  if (readFileSync(outside, 'utf8') !== SECRET) return 'the file outside is not what it was';
  if (existsSync(`${outside}.new`)) return 'a file was made outside';
  try {
    const got = await outputOf(agent, ref);
    // Which of its two names a file was made under nobody can tell: one that is here is read.
    const own = isHardLink ? got.subarray(Math.max(0, got.indexOf(readFileSync(source)))) : got;
    if (own.includes(SECRET)) return 'what is outside was read';
    return own.equals(readFileSync(source)) ? undefined : `the output has ${got.length} bytes`;
  } catch (error) {
    return messageOf(error);
  }
}
