/**
 * Names that lead out, links and FIFOs in the way, and a task of another user that tries to get in. Nothing outside is
 * read, written or removed, and nobody waits for ever.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/api.ts';
import { HoldfastError } from '../../src/errors.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { ended, MIB, outputOf, printing, sourceIn, withRig } from './printing.ts';
import { withDir, withMachine, withMutant } from './room.ts';
import { allTraps, faultsOf, trapsOf } from './traps.ts';

const FOLLOWING: readonly Patch[] = [
  {
    file: 'src/processes/logmon-host/own-file.ts',
    find: 'flags | O_NOFOLLOW | O_NONBLOCK, mode',
    replace: 'flags | O_NONBLOCK, mode',
  },
  // Else it is noticed that the name leads elsewhere, before anything is written there.
  {
    file: 'src/processes/logmon-host/open-segment.ts',
    find: 'if (missed !== undefined) this.#leave(fd, missed);',
    replace: 'if (missed === undefined) return;',
  },
];

export const hostileNames: Drill = {
  name: 'hostile names',
  promise: 'links, FIFOs and directories in the way lead nobody outside and stop nobody',
  tools: [],
  privileges: ['root'],
  mutants: [FOLLOWING],
  cases: { share: 1, full: 4 },
  async run(findings, cases) {
    for (let round = 0; round < cases; round += 1) {
      await trapped(findings);
      await findings.attempt('names that lead out', () => leadingOut(findings));
      await findings.attempt('names like those of files', () => alike(findings));
      await findings.attempt('a budget over links', () => budgeted(findings));
      await findings.attempt('another user', () => intruding(findings));
    }
    await withMutant(FOLLOWING, (command) =>
      withMachine(async (machine) => {
        const traps = trapsOf(['link to a file'], ['.0']);
        const faults = await faultsOf(await machine.startAgent(), machine.dataDir, traps);
        const text = [...faults.values()].join();
        findings.control('a collector that follows links', /is not what it was/.test(text), text);
      }, command),
    );
  },
};

async function trapped(findings: Findings): Promise<void> {
  await withRig(async (agent, dataDir) => {
    const traps = allTraps();
    const faults = await faultsOf(agent, dataDir, traps);
    findings.count('traps', traps.length);
    for (const [name, fault] of faults) findings.fail(name, fault);
  });
}

/** Names with which a path would leave its directory are refused before anything is made of them. */
async function leadingOut(findings: Findings): Promise<void> {
  await withRig(async (agent, dataDir) => {
    for (const name of ['../x', '../../x', 'a/b', '..', '.', '/etc/x', 'a\0b', '']) {
      findings.count('names that lead out', 2);
      const task = printing('main', ['/dev/null']);
      const wishes = [
        agent.run({ name: 'out', type: 'batch', tasks: [{ ...task, name }] }),
        agent.run({ name: 'out', type: 'batch', tasks: [task] }, { allocId: name }),
      ];
      for (const wish of await Promise.allSettled(wishes)) {
        if (wish.status === 'rejected' && HoldfastError.is(wish.reason)) continue;
        throw new Error(`${JSON.stringify(name)} was taken`);
      }
    }
    if (existsSync(join(dataDir, 'state', 'x'))) throw new Error('something was made outside');
  });
}

/** Names of tasks that look like names of other tasks' files. */
async function alike(findings: Findings): Promise<void> {
  const names = [
    'a',
    'a.stdout',
    'a.stdout.0',
    'a.stdout.gaps',
    'a.stdout.0.marks',
    'a.stdout.0.gz',
  ];
  await withRig((agent) =>
    withDir(async (dir) => {
      const source = sourceIn(dir, 2.5);
      for (const name of names) writeFileSync(join(dir, name), `I am ${name}\n`);
      const tasks = names.map((name) => printing(name, [join(dir, name), source]));
      await ended(agent, { name: 'alike', type: 'batch', tasks }, 'alike');
      for (const name of names) {
        const wanted = Buffer.concat([Buffer.from(`I am ${name}\n`), readFileSync(source)]);
        const got = await outputOf(agent, `alike/${name}`);
        if (!got.equals(wanted)) throw new Error(`the output of ${name} is not its own`);
        findings.count('names like those of files');
      }
    }),
  );
}

/** What is over the budget is removed here, and nothing where a link leads. */
async function budgeted(findings: Findings): Promise<void> {
  const work = (agent: Orchestrator, dataDir: string): Promise<void> =>
    withDir(async (dir) => {
      const root = join(dataDir, 'state', 'logs');
      mkdirSync(join(root, 'stranger'), { recursive: true });
      const outside = ['x.stdout.0', 'x.stdout.1', 'x.stdout.2'];
      for (const name of outside) writeFileSync(join(dir, name), Buffer.alloc(4 * MIB));
      symlinkSync(dir, join(root, 'linked'));
      for (const name of outside) symlinkSync(join(dir, name), join(root, 'stranger', name));
      execFileSync('mkfifo', [join(root, 'pipe'), join(root, 'stranger', 'y.stdout.0')]);
      const sources = Array.from({ length: 10 }, () => sourceIn(dir, 2));
      await ended(
        agent,
        { name: 'b', type: 'batch', tasks: [printing('main', sources)] },
        'budget',
      );
      const gone = outside.filter((name) => !existsSync(join(dir, name)));
      if (gone.length > 0) throw new Error(`removed outside: ${gone.join(', ')}`);
      findings.count('files outside that were left alone', outside.length);
    });
  await withRig(work, 8 * MIB);
}

/** What a task of another user tries; each line is printed when it succeeds. */
const INTRUSIONS = `
state=$1/state; logs=$state/logs/intruded
ls "$state" && echo "listed the state"
cat "$logs/main.stdout.0" && echo "read a log file"
(: > "$logs/main.stdout.1") && echo "made a file"
ln -sf /etc/passwd "$logs/main.stdout.1" && echo "made a link"
rm -f "$logs/main.stdout.0" && echo "removed a log file"
(echo x > "$state/fifo/x") && echo "wrote beside the FIFOs"
ln -s "$logs" "$NOMAD_TASK_DIR/logs"; ls "$NOMAD_TASK_DIR/logs/" && echo "got there over a link"
ln -s "$state" "$NOMAD_ALLOC_DIR/data/state"; ls "$NOMAD_ALLOC_DIR/data/state/" && echo "got there over another"
mv "$1/allocs/intruded/main" "$1/allocs/intruded/other" && echo "moved its directory"
ls "$NOMAD_TASK_DIR/../../../../state" && echo "climbed"
echo done
`;

async function intruding(findings: Findings): Promise<void> {
  await withRig(async (agent, dataDir) => {
    const config = { command: '/bin/sh', args: ['-c', INTRUSIONS, 'sh', dataDir] };
    const task = { ...printing('main', []), config, user: 'nobody' };
    await ended(agent, { name: 'intruded', type: 'batch', tasks: [task] }, 'intruded');
    const lines: Uint8Array[] = [];
    for await (const { data } of agent.logs('intruded', { stream: 'stdout' })) lines.push(data);
    const text = Buffer.concat(lines).toString();
    findings.count('tries of another user', INTRUSIONS.split('&& echo').length - 1);
    if (text !== 'done\n') throw new Error(text);
  });
}
