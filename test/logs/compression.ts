/** The logmon host is killed while it compresses full files: whatever is left of that, the output is the same. */
import { readdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../src/errors.ts';
import { type Machine, pidsOf, until } from '../acceptance/rig.ts';
import { type Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { segmentsIn } from './files.ts';
import { HostKiller } from './host-killer.ts';
import { NumberedCheck, numberedTask } from './numbered-text.ts';
import { faultInNumbered, STREAMS, withMachine, withMutant, writtenBy } from './room.ts';

const LOGS = { maxFiles: 1_000, maxFileSizeMb: 1, compress: true };
/** As long as the compression of a file takes here, or a little longer. */
const WITHIN_MS = 25;

/** A file goes before the compressed one is whole. */
const EARLY_REMOVAL: readonly Patch[] = [
  {
    file: 'src/processes/logmon-host/packer.ts',
    find: '    const to = await open(part,',
    replace: '    await removed(plain);\n    const to = await open(part,',
  },
  {
    file: 'src/processes/logmon-host/packer.ts',
    find: 'if (await removed(plain)) return true;',
    replace: 'return true;',
  },
];
/** More than half of the kills come while a file is compressed. */
const CONTROL_KILLS = 6;

export const compressionKills: Drill = {
  name: 'compression kills',
  promise: 'a logmon host that is killed while it compresses leaves output that is whole',
  tools: [],
  privileges: [],
  mutants: [EARLY_REMOVAL],
  cases: { share: 3, full: 50 },
  async run(findings, cases) {
    await findings.attempt('kills', () =>
      withMachine((machine) => killedCompressing(findings, machine, cases)),
    );
    await withMutant(EARLY_REMOVAL, async (command) => {
      const others = new Findings(findings.seed);
      const work = (machine: Machine): Promise<void> =>
        killedCompressing(others, machine, CONTROL_KILLS);
      const text = await withMachine(work, command).then(() => 'nothing was noticed', messageOf);
      const isCaught = /gap|bytes of|begins/.test(text);
      findings.control('a file that goes before it is compressed', isCaught, text);
    });
  },
};

async function killedCompressing(
  findings: Findings,
  machine: Machine,
  kills: number,
): Promise<void> {
  const agent = await machine.startAgent();
  const stop = join(machine.dataDir, 'stop');
  const pace = { blockBytes: 8_192, blast: 12, pauseS: 0.01 };
  const tasks = [numberedTask('packed', stop, pace, LOGS)];
  const { allocId } = await agent.run({ name: 'packing', type: 'batch', tasks });
  await until('it runs', () => pidsOf(agent, allocId));
  const dir = join(machine.dataDir, 'state', 'logs', allocId);
  const killer = new HostKiller(machine);
  for (let kill = 0; kill < kills; kill += 1) {
    await killer.ready();
    await nextPacking(dir);
    await delay(findings.between(0, WITHIN_MS));
    killer.kill();
    findings.count('kills');
    if (readdirSync(dir).some(isHalf)) findings.count('kills that left half a compressed file');
  }
  await until('files are compressed', () => readdirSync(dir).some((name) => name.endsWith('.gz')));
  writeFileSync(stop, '');
  await (await agent.alloc(allocId)).wait();
  await until('no half of a file is left', () => !readdirSync(dir).some(isHalf));
  const written = await writtenBy(stop, 'packed');
  const fault = await faultInNumbered(agent, `${allocId}/packed`, written);
  if (fault !== undefined) throw new Error(fault);
  for (const stream of STREAMS) {
    const check = new NumberedCheck();
    const segments = segmentsIn(dir, 'packed', stream);
    for (const { bytes } of segments) check.push(bytes);
    const wrong = check.verdict(written[stream]);
    if (wrong !== undefined) throw new Error(`${stream} in the files: ${wrong}`);
    findings.count('files', segments.length);
    findings.count('compressed files', segments.filter(({ isPacked }) => isPacked).length);
  }
}

/** A compressed file under a name that is not its own yet. */
function isHalf(name: string): boolean {
  return /\.gz./.test(name);
}

/** Resolves when the compression of another file begins or ends. */
async function nextPacking(dir: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watcher = watch(dir, (_event, name) => {
    if (name?.includes('.gz') === true) resolve();
  });
  try {
    await Promise.race([
      promise,
      delay(60_000).then(() => Promise.reject(new Error(`nothing is compressed in ${dir}`))),
    ]);
  } finally {
    watcher.close();
  }
}
