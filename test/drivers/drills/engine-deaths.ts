/** The engine is killed and comes back under ten containers that count aloud: none of them is disturbed or given up. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AllocHandle } from '../../../src/api.ts';
import { dockerAgent, recorded } from '../../docker/docker-agent.ts';
import { type EngineRig, IMAGE } from '../../docker/engine-rig.ts';
import { messageOf } from '../../../src/errors.ts';
import type { GroupSpecInput } from '../../../src/spec/group-schema.ts';
import type { Drill, Findings } from '../../faults/drill.ts';
import type { ExecRig } from '../exec-rig.ts';
import { eventually, insist, withEngine } from './room.ts';

const CONTAINERS = 10;
const COUNTS =
  'trap "echo ended; exit 3" TERM; i=0; while :; do i=$((i+1)); echo $i; usleep 20000; done';

export const engineDeaths: Drill = {
  name: 'engine deaths',
  promise:
    'an engine that is killed and comes back finds its containers running, and so does the agent',
  tools: ['dockerd', 'nsenter'],
  privileges: ['root'],
  cases: { share: 2, full: 20 },
  async run(findings, cases) {
    await findings.attempt('kept containers', () =>
      withEngine((engine) => outlived(findings, engine, cases), ['--live-restore']),
    );
    await findings.attempt('containers that die with it', () =>
      withEngine((engine) => reported(findings, engine)),
    );
    const text = await withEngine((engine) => outlived(undefined, engine, 1)).then(
      () => 'nothing was noticed',
      messageOf,
    );
    findings.control('an engine that ends its containers', /processes|recorded/.test(text), text);
  },
};

/** Deaths of an engine whose containers live on. */
async function outlived(
  findings: Findings | undefined,
  engine: EngineRig,
  deaths: number,
): Promise<void> {
  await withTasks(engine, { attempts: 0, mode: 'fail' }, async (rig, allocs) => {
    const before = pidsOf(engine);
    const found: number[] = [];
    for (let death = 0; death < deaths; death += 1) {
      await engine.down('SIGKILL');
      for (const alloc of allocs) insist('seen while it is away', await stateOf(alloc), 'running');
      const heard = allocs.map((alloc) => heardOf(rig, alloc).length);
      await engine.up();
      const upAt = performance.now();
      await eventually('all are heard again', () =>
        allocs.every((alloc, no) => heardOf(rig, alloc).length > (heard[no] ?? 0)),
      );
      found.push(Math.round(performance.now() - upAt));
      insist('processes', pidsOf(engine), before);
      findings?.count('containers over a death of their engine', CONTAINERS);
    }
    await Promise.all(allocs.map((alloc) => alloc.stop()));
    for (const alloc of allocs) {
      insist('what was recorded', await courseOf(alloc), ['TaskStarted', 'TaskExited']);
      const lines = heardOf(rig, alloc).split('\n').slice(0, -1);
      insist('its last word', lines.pop(), 'ended');
      const wrong = lines.find((line, no) => no > 0 && Number(line) <= Number(lines[no - 1]));
      insist('a line that is out of order', wrong, undefined);
      findings?.count('lines collected', lines.length);
      // What the engine had read and not written when it was killed is in nobody's hands.
      findings?.count('lines that the engine took with it', Number(lines.at(-1)) - lines.length);
    }
    await eventually('nothing is left', () => engine.names().length === 0);
    if (findings === undefined) return;
    const sorted = found.toSorted((x, y) => x - y);
    findings.count('deaths', deaths);
    findings.figures['ms from its return until all are heard, median'] =
      sorted[Math.floor(sorted.length / 2)] ?? 0;
    findings.figures['the same, at most'] = sorted.at(-1) ?? 0;
  });
}

/** Without live-restore the next engine ends what it finds: each is told as ended, once, and started again by its policy. */
async function reported(findings: Findings, engine: EngineRig): Promise<void> {
  await withTasks(engine, { attempts: 1, delay: '0s', mode: 'fail' }, async (_, allocs) => {
    await engine.down('SIGKILL');
    await engine.up();
    for (const alloc of allocs) {
      let course: readonly string[] = [];
      const again = () => `it was started again: ${course.join(' ')}`;
      await eventually(again, async () => {
        course = await courseOf(alloc);
        return course.filter((type) => type === 'TaskStarted').length === 2;
      });
    }
    await Promise.all(allocs.map((alloc) => alloc.stop()));
    for (const alloc of allocs) {
      const [first, end = '', again, next, last = '', ...more] = await courseOf(alloc);
      const starts = ['TaskStarted', 'TaskRestarting', 'TaskStarted'];
      insist('its course', [first, again, next, ...more], starts);
      insist(
        'its ends',
        [end, last].filter((type) => !ENDS.includes(type)),
        [],
      );
      findings.count('ends that were told, and restarts');
    }
    await eventually('nothing is left', () => engine.names().length === 0);
  });
}

const ENDS = ['TaskExited', 'TaskLost'];

async function withTasks(
  engine: EngineRig,
  restart: NonNullable<GroupSpecInput['restart']>,
  work: (rig: ExecRig, allocs: readonly AllocHandle[]) => Promise<void>,
): Promise<void> {
  const rig = dockerAgent(engine.endpoint);
  try {
    const orchestrator = await rig.orchestrator();
    const task = { driver: 'docker', config: { image: IMAGE } };
    const allocs = await Promise.all(
      Array.from({ length: CONTAINERS }, () =>
        orchestrator.run(rig.group(COUNTS, task, { restart })),
      ),
    );
    await eventually('all are heard', () => allocs.every((one) => heardOf(rig, one).length > 0));
    await work(rig, allocs);
  } finally {
    await rig.end();
  }
}

function pidsOf(engine: EngineRig): string {
  const names = engine.names().toSorted();
  return engine.docker('inspect', '--format', '{{.Name}} {{.State.Pid}}', ...names);
}

async function stateOf(alloc: AllocHandle): Promise<string | undefined> {
  return (await alloc.view()).tasks[0]?.state;
}

/** Starts, ends and restarts that were recorded. */
async function courseOf(alloc: AllocHandle): Promise<readonly string[]> {
  const types = ['TaskStarted', 'TaskRestarting', ...ENDS];
  return (await recorded(alloc)).filter((type) => types.includes(type));
}

/** All that was collected of it. */
function heardOf({ dataDir }: ExecRig, { allocId }: AllocHandle): string {
  const path = join(dataDir, 'state/logs', allocId, 'main.stdout.0');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
