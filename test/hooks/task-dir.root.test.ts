/** Who owns each directory of a task and who may pass, for every kind of task; and what may be done in them. */
import { spawnSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoMemoryDirs } from '../../src/os/memory-dir.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { ExecRig } from '../drivers/exec-rig.ts';
import { noContainersBecause } from '../processes/container-rig.ts';

const obstacle = noContainersBecause() ?? whyNoMemoryDirs();

type TaskInput = Partial<GroupSpecInput['tasks'][number]>;

interface Row {
  readonly task: TaskInput;
  /** Of its own directories. */
  readonly owner: string;
  /** Of the alloc's directory, the task's own, and those that it shares with others. */
  readonly outside: readonly [alloc: string, task: string, shared: string];
}

const universal = { executor: 'universal' };
const OTHER = '4242:4343';
/** Nomad: 0777 for all of them, and owned by nobody. */
const ROWS: Readonly<Record<string, Row>> = {
  'isolated, as nobody': {
    task: { driver: 'exec' },
    owner: '65534:65534',
    outside: ['700 0:0', '755 0:0', '1777 0:0'],
  },
  'isolated, as root': {
    task: { driver: 'exec', user: 'root' },
    owner: '0:0',
    outside: ['700 0:0', '755 0:0', '1777 0:0'],
  },
  'isolated, as another': {
    task: { driver: 'exec', user: OTHER },
    owner: OTHER,
    outside: ['700 0:0', '755 0:0', '1777 0:0'],
  },
  'universal, as nobody': {
    task: { driver: 'exec', config: universal },
    owner: '65534:65534',
    outside: ['711 0:0', '700 65534:65534', '1777 0:0'],
  },
  'universal, as root': {
    task: { driver: 'exec', config: universal, user: 'root' },
    owner: '0:0',
    outside: ['711 0:0', '700 0:0', '1777 0:0'],
  },
  'raw_exec, as the agent': {
    task: { driver: 'raw_exec' },
    owner: '0:0',
    outside: ['700 0:0', '700 0:0', '700 0:0'],
  },
  'raw_exec, as another': {
    task: { driver: 'raw_exec', user: OTHER },
    owner: OTHER,
    outside: ['711 0:0', `700 ${OTHER}`, '1777 0:0'],
  },
};

const LOOK = `
own=$(dirname "$NOMAD_TASK_DIR"); own=\${own%/}
stat -c '%a %u:%g' "$NOMAD_TASK_DIR" "$own/secrets" "$own/private" "$own/tmp"
for at in local secrets private tmp; do
  [ $at = private ] || touch "$own/$at/mine" || echo "cannot write to $at"
  printf '#!/bin/sh\\n' >"$own/$at/program" && chmod 700 "$own/$at/program"
  "$own/$at/program" 2>/dev/null && echo "runs in $at"
done`;

function modeOf(path: string): string {
  const { mode, uid, gid } = lstatSync(path);
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
}

describe.skipIf(obstacle)(`the directories of a task with secrets (${obstacle ?? 'here'})`, () => {
  let rig: ExecRig;
  beforeAll(() => {
    rig = new ExecRig(undefined, { secrets: { env: ['PATH'] } });
  });
  afterAll(() => rig.end());

  const secrets = [{ name: 'one', provider: 'env' as const, key: 'PATH' }];

  it.each(Object.entries(ROWS))('%s: are its own, and nobody else comes to them', async (...of) => {
    const [, { task, owner, outside }] = of;
    const { view, stdout, stderr } = await rig.ran(LOOK, { ...task, secrets });
    expect([view.state, view.reason, stderr]).toEqual(['complete', expect.any(String), '']);
    const lines = stdout.trim().split('\n');
    expect(lines.slice(0, 4)).toEqual(Array.from({ length: 4 }, () => `700 ${owner}`));
    // Where secrets are, nothing can be executed, whatever shows them.
    expect(lines.slice(4)).toEqual(['runs in local', 'runs in tmp']);

    const [alloc] = (await (await rig.orchestrator()).allocs({ all: true })).slice(-1);
    const dir = join(rig.dataDir, 'allocs', alloc?.allocId ?? '');
    expect([modeOf(dir), modeOf(join(dir, 'main')), modeOf(join(dir, 'alloc/data'))]).toEqual(
      outside,
    );
    expect(modeOf(join(dir, 'alloc/tmp'))).toBe(outside[2]);
    expect(modeOf(join(dir, 'alloc'))).toBe('711 0:0');
    expect(modeOf(dirname(dir))).toBe('711 0:0');
    // What the agent keeps of it.
    const state = join(rig.dataDir, 'state');
    expect(modeOf(state)).toBe('700 0:0');
    // An isolated task is shown it by a mount.
    const logs = outside[1].startsWith('755') ? '755 0:0' : '750 0:0';
    expect(modeOf(join(state, 'logs', alloc?.allocId ?? ''))).toBe(logs);
    expect(modeOf(join(state, 'logs'))).toBe('750 0:0');
  });
});

describe.skipIf(obstacle)(`the output of an alloc (${obstacle ?? 'here'})`, () => {
  let rig: ExecRig;
  beforeAll(() => {
    rig = new ExecRig();
  });
  afterAll(() => rig.end());

  it('is read by its isolated tasks, whoever they run as, and by no other user', async () => {
    const read = 'until grep -h canary /alloc/logs/web.stdout.0; do sleep 0.1; done; id -u';
    const others = {
      tasks: [
        {
          name: 'web',
          driver: 'raw_exec',
          lifecycle: { hook: 'prestart' as const },
          config: { command: '/bin/echo', args: ['canary'] },
        },
        ...rig.group(read, { dynamicUser: true }).tasks,
      ],
    };
    const orchestrator = await rig.orchestrator();
    const alloc = await orchestrator.run(rig.group('', {}, others));
    const { tasks } = await alloc.wait();
    expect(tasks.map(({ state }) => state)).toEqual(['complete', 'complete']);
    const said: Uint8Array[] = [];
    for await (const { data } of alloc.task('main').logs({ stream: 'stdout' })) said.push(data);
    const [line, uid] = Buffer.concat(said).toString().trim().split('\n');
    expect([line, Number(uid) >= 80_000]).toEqual(['canary', true]);
    const file = join(rig.dataDir, 'state/logs', alloc.allocId, 'web.stdout.0');
    expect(readFileSync(file, 'utf8')).toBe('canary\n');
    const foreign = spawnSync('setpriv', ['--reuid', uid ?? '', '--clear-groups', 'cat', file]);
    expect([foreign.status, foreign.stdout.toString()]).toEqual([1, '']);
  });

  it('is an empty place for an isolated task whose output nobody keeps', async () => {
    const script = 'test -d /alloc/logs && ! touch /alloc/logs/mine';
    const orchestrator = await rig.orchestrator();
    const alloc = await orchestrator.run(rig.group(script, { logs: { disabled: true } }));
    expect((await alloc.wait()).tasks).toMatchObject([{ state: 'complete' }]);
  });
});
