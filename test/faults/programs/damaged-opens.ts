/**
 * Opens damaged copies of one data directory: `damaged-opens.ts SEED FROM COUNT [rows]`. It is run from a copy of the
 * package whose log collector is mocked away. Says `case N: what was damaged` before each case, and what was wrong after
 * it. With `rows` nothing is damaged but events in the store, one bit of one of them.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Orchestrator } from '../../../src/api.ts';
import { HoldfastError, messageOf } from '../../../src/errors.ts';
import { layoutOf } from '../../../src/layout.ts';
import type { StoredRow } from '../../../src/log/event-log.ts';
import { openStore } from '../../../src/log/open-store.ts';
import { openOrchestrator } from '../../../src/orchestrator.ts';
import { silentLogger } from '../../../src/ports.ts';
import { mockDriver, type FakeClock, type MockWorld } from '../../../src/testing/index.ts';
import { randomOf } from '../../machines/random-facts.ts';
import { damageAfter, damageFile } from './damage.ts';
import { makeTemplate, worldOf, type Template } from './mock-template.ts';

const [seed = 1, from = 0, count = 1] = process.argv.slice(2, 5).map(Number);
const isOfRows = process.argv[5] === 'rows';
const template = await makeTemplate();
for (let number = from; number < from + count; number += 1) await oneCase(template, number);
rmSync(join(template.dir, '..'), { recursive: true });
say('finished');
process.exit(0);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function oneCase(from: Template, number: number): Promise<void> {
  const random = randomOf(seed * 1_000_003 + number);
  const dataDir = mkdtempSync(join(tmpdir(), 'hf-dmg-'));
  cpSync(from.dir, dataDir, { recursive: true });
  const { world, clock } = await worldOf(from);
  const damages = isOfRows ? [damageRow(dataDir, random)] : damageSome(dataDir, random);
  say(`case ${number}: ${damages.map(({ what }) => what).join(', ')}`);
  try {
    const unknowable = runsOf(damages);
    for (const life of [1, 2]) await oneLife(from, dataDir, { world, clock, unknowable }, life);
  } catch (error) {
    if (isRefusedAsNewer(error, damages)) say('refused as newer');
    else say(`wrong: ${messageOf(error).split('\n').join(' ')}`);
  }
  rmSync(dataDir, { recursive: true, force: true });
}

interface Done {
  readonly path: string;
  readonly what: string;
}

interface World {
  readonly world: MockWorld;
  readonly clock: FakeClock;
  /** Runs whose intent was damaged: only the mark of a real process would tell of them, and mocked ones have none. */
  readonly unknowable: ReadonlySet<string>;
}

function runsOf(damages: readonly Done[]): ReadonlySet<string> {
  return new Set(
    damages.flatMap(({ path }) => /run\/([a-z2-7]{20})\/intent$/.exec(path)?.[1] ?? []),
  );
}

/** One to three files; the store's own are half of them. */
function damageSome(dataDir: string, random: () => number): readonly Done[] {
  const { storeDir, stateDir } = layoutOf(dataDir);
  const stores = ['log.db', 'log.db', 'log.db-wal', 'log.db-wal', 'head'].map((name) =>
    join(storeDir, name),
  );
  const others = readdirSync(stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !stores.includes(join(entry.parentPath, entry.name)))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Array.from({ length: 1 + Math.floor(random() ** 2 * 3) }, () => {
    const among = random() < 0.5 ? stores : others;
    const path = among[Math.floor(random() * among.length)] ?? '';
    return { path, what: `${path.slice(stateDir.length + 1)} ${damageFile(path, random)}` };
  });
}

function damageRow(dataDir: string, random: () => number): Done {
  const path = join(layoutOf(dataDir).storeDir, 'log.db');
  return { path, what: `store/log.db ${damageAfter(path, '"launchKey":"', random)}` };
}

/** Damage can look like a newer version's file, which is refused whatever it is. */
function isRefusedAsNewer(error: unknown, damages: readonly Done[]): boolean {
  const isOfStore = damages.some(({ path }) => /log\.db/.test(path));
  return HoldfastError.is(error, 'STORE_TOO_NEW') && isOfStore;
}

async function oneLife(from: Template, dataDir: string, at: World, life: number): Promise<void> {
  const agent = await openWhileTimeGoesOn(dataDir, at);
  const { damage } = agent.recovery;
  if (life === 2 && damage !== null) throw new Error(`it is damaged again: ${damage.reason}`);
  for (let turn = 0; turn < 5; turn += 1) await at.clock.advance(100);
  checkWorld(from, at);
  await agent.close({ tasks: 'leave' });
  await checkEvents(from, dataDir, life === 1 ? damage : null);
}

async function openWhileTimeGoesOn(
  dataDir: string,
  { world, clock }: World,
): Promise<Orchestrator> {
  let isOver = false;
  const opening = openOrchestrator({ dataDir, drivers: [mockDriver(world)], clock }).finally(
    () => (isOver = true),
  );
  opening.catch(() => undefined);
  while (!isOver) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(50);
  }
  return opening;
}

/** Nothing that ran was touched, and nothing runs twice. */
function checkWorld(from: Template, { world, unknowable }: World): void {
  const runs = world.runs();
  const living = new Set<string>();
  for (const run of runs) {
    const name = `${run.allocId}/${run.task} run ${run.run}`;
    if (run.starts > 1) throw new Error(`${name} was started ${run.starts} times`);
    if (!world.living.includes(run)) continue;
    const task = `${run.allocId}/${run.task}`;
    if (unknowable.has(run.launchKey)) continue;
    if (living.has(task)) throw new Error(`${task} lives twice`);
    living.add(task);
  }
  for (const { launchKey, allocId, task } of from.world.living) {
    const now = runs.find((run) => run.launchKey === launchKey);
    if (now === undefined || !world.living.includes(now)) {
      throw new Error(`${allocId}/${task} was ended`);
    }
  }
}

/** Every event of before is as it was, or its loss is recorded. */
async function checkEvents(
  { events }: Template,
  dataDir: string,
  damage: { readonly recovered: number } | null,
): Promise<void> {
  const { log } = await openStore({ dir: layoutOf(dataDir).storeDir, logger: silentLogger });
  const rows = [...log.rows()];
  await log.close();
  const isRecorded = rows.some(({ type }) => type === 'StoreDamaged');
  if (damage !== null && !isRecorded) throw new Error('the damage is not recorded');
  const originals = new Map(rows.map((row) => [`${row.stream} ${row.version}`, row]));
  const gone = [...events.keys()].filter((key) => !originals.has(key));
  if (gone.length > 0 && !isRecorded) throw new Error(`${gone.length} lost in silence: ${gone[0]}`);
  if (damage === null) {
    if (isRecorded) return;
    for (const [key, row] of events) expectSame(row, originals.get(key));
    return;
  }
  for (const row of rows.slice(0, damage.recovered)) {
    expectSame(events.get(`${row.stream} ${row.version}`), row);
  }
}

function expectSame(expected: StoredRow | undefined, found: StoredRow | undefined): void {
  const strip = (row: StoredRow | undefined) => row && { ...row, position: 0 };
  if (isDeepStrictEqual(strip(expected), strip(found))) return;
  throw new Error(`not as it was written: ${JSON.stringify(found)}`);
}
