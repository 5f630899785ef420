/** Agents that die at every point of every hook: what was done is not done again, and everything else is. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PublicEvent } from '../../src/api.ts';
import { messageOf } from '../../src/errors.ts';
import type { Drill } from '../faults/drill.ts';
import { withDir, withMutant } from '../logs/room.ts';
import type { Patch } from '../patch.ts';

const PLAY = 'test/groups/hook-play.ts';
const HOME = join(import.meta.dirname, '..', '..');
const HOOKS = ['h0', 'h1', 'h2', 'h3'];
/** Those that say that they are done. */
const DONE: ReadonlySet<string> = new Set(['h0', 'h2']);
const TIMEOUT_MS = 120_000;

const POINTS: readonly string[] = HOOKS.flatMap((hook) => [
  ...['prestart', 'start', 'exited', 'cleanup'].flatMap((phase) => [
    `${hook}.${phase}.before`,
    `${hook}.${phase}.after`,
  ]),
  `${hook}.prestart.recorded`,
]);

/** Whoever comes next runs everything again. */
const FORGETS_DONE: readonly Patch[] = [
  {
    file: 'src/actors/task-hooks.ts',
    find: "phase === 'prestart' && context.hooks[hook.name]?.isDone === true;",
    replace: "phase === 'start' && context.hooks[hook.name]?.isDone === true;",
  },
];

export const hookCrashes: Drill = {
  name: 'hook crashes',
  promise: 'an agent that dies in a hook is followed by one that runs only what was not done',
  tools: [],
  privileges: [],
  mutants: [FORGETS_DONE],
  // Points; at full size each of them three times.
  cases: { share: 2, full: 3 * POINTS.length },
  async run(findings, cases) {
    const first = findings.between(0, POINTS.length);
    for (let at = 0; at < cases; at += 1) {
      // Seven and their number have no divisor in common: no point twice before each was had.
      const point = POINTS[(first + 7 * at) % POINTS.length] ?? '';
      await findings.attempt(point, () => withDir((dir) => crashed(HOME, dir, point)));
      findings.count('agents that died in a hook');
    }
    await withMutant(FORGETS_DONE, async (_command, home) => {
      mkdirSync(join(home, 'test/groups'), { recursive: true });
      cpSync(join(HOME, PLAY), join(home, PLAY));
      const work = (dir: string): Promise<void> => crashed(home, dir, 'h3.prestart.before');
      const text = await withDir(work).then(() => 'nothing was noticed', messageOf);
      findings.control('an agent that forgets what is done', /was done/.test(text), text);
    });
  },
};

/** Throws what is wrong. */
async function crashed(home: string, dir: string, point: string): Promise<void> {
  const journal = join(dir, 'journal');
  const lives = [point, '-'].map((at) => {
    const args = [join(home, PLAY), join(dir, 'd'), journal, at];
    return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: TIMEOUT_MS });
  });
  const [one, two] = lives;
  if (one?.signal !== 'SIGKILL') throw new Error(`the point was not reached: ${one?.stderr}`);
  if (two?.status !== 0)
    throw new Error(`the next agent ended with ${two?.status}: ${two?.stderr}`);
  const events = JSON.parse(two.stdout) as readonly PublicEvent[];
  const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
  const done = lines.map((line) => line.split(' ') as [pid: string, phase: string, hook: string]);
  assertHooks(events, done, String(two.pid));
}

type Line = readonly [pid: string, phase: string, hook: string];

function assertHooks(events: readonly PublicEvent[], lines: readonly Line[], next: string): void {
  const came = events.findLast(({ type }) => type === 'AgentStarted')?.position ?? 0;
  const before = events.filter(({ position }) => position < came);
  const again = (phase: string): readonly string[] =>
    lines.filter(([pid, at]) => pid === next && at === phase).map(([, , hook]) => hook);
  const has = (type: string): boolean => before.some((event) => event.type === type);

  const recorded = before.flatMap(({ type, data }) => {
    const { hook, phase } = data as { readonly hook?: string; readonly phase?: string };
    return type === 'HookCompleted' && phase === 'prestart' && hook !== undefined ? [hook] : [];
  });
  const isOver = has('PrestartCompleted') || has('RunStarting');
  const left = HOOKS.filter((hook) => !isOver && !(DONE.has(hook) && recorded.includes(hook)));
  const run = again('prestart').filter((hook) => HOOKS.includes(hook));
  if (run.join() !== left.join()) {
    const state = `what was not done: ${left.join()}; was done: ${recorded.join()}`;
    throw new Error(`it ran ${run.join() || 'nothing'} again; ${state}`);
  }
  // Whatever happened, the end is whole and in reverse.
  const cleaned = has('CleanupCompleted') ? '' : HOOKS.toReversed().join();
  if (again('cleanup').join() !== cleaned) {
    throw new Error(`it cleaned up ${again('cleanup').join()}, not ${cleaned}`);
  }
  const ran = lines.filter(([, phase]) => phase === 'ran').map(([, , given]) => given);
  if (ran.join() !== 'givengivengivengiven') throw new Error(`the program was run: ${ran.join()}`);
  const starts = events.filter(({ type }) => type === 'TaskStarted').length;
  const state = events.find(({ type }) => type === 'AllocStopped')?.data;
  const { status } = state as { readonly status: string };
  if (starts !== 1 || status !== 'complete') throw new Error(`${starts} starts, ${status}`);
}
