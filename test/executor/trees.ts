/** Trees of processes that do what they can to outlive the stop of their task. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { until } from '../acceptance/rig.ts';
import { ExecRig } from '../drivers/exec-rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';

const DEPTH = 5;
const MOST_CHILDREN = 2;

/**
 * `perl -e TEXT TEXT WORD SELF NODE…`: each NODE is `id:parent:traits`. Traits: `s` a session of its own, `d` forked
 * twice so that its parent is gone, `i` ignores SIGTERM, SIGINT and SIGHUP, `e` clears its environment and executes
 * itself anew. WORD is in the arguments of all of them.
 */
const MEMBER = `
use POSIX ();
my ($text, $word, $self, @nodes) = @ARGV;
for (@nodes) {
  my ($id, $parent, $traits) = split /:/;
  next if $parent ne $self;
  next if fork();
  if ($traits =~ /s/) { POSIX::setsid() }
  if ($traits =~ /d/) { POSIX::_exit(0) if fork() }
  if ($traits =~ /i/) { $SIG{$_} = 'IGNORE' for qw(TERM INT HUP) }
  if ($traits =~ /e/) { %ENV = () }
  exec $^X, '-e', $text, $text, $word, $id, @nodes;
}
sleep 1000 while 1;
`;

export const treeDrill: Drill = {
  name: 'trees',
  promise:
    'nothing of a task survives its stop, whatever session, parent, environment and signals it chose',
  tools: ['runc', 'conmon', 'perl'],
  privileges: ['root', 'cgroups'],
  cases: { share: 6, full: 200 },
  async run(findings, cases) {
    const rig = new ExecRig();
    try {
      for (let index = 0; index < cases; index += 1) {
        const executor = index % 2 === 0 ? 'universal' : 'isolated';
        const nodes = treeOf(findings);
        const word = `hf-tree-${process.pid}-${findings.seed}-${index}`;
        await findings.attempt(`${executor} ${nodes.join(' ')}`, () =>
          stopTree(rig, findings, { executor, nodes, word }),
        );
        findings.count(`trees, ${executor}`);
      }
      await control(findings);
    } finally {
      await rig.end();
    }
  },
};

async function stopTree(
  rig: ExecRig,
  findings: Findings,
  tree: { readonly executor: string; readonly nodes: readonly string[]; readonly word: string },
): Promise<void> {
  const { executor, nodes, word } = tree;
  const orchestrator = await rig.orchestrator();
  const args = ['-e', MEMBER, MEMBER, word, '0', ...nodes];
  const config = { command: 'perl', args, executor };
  const alloc = await orchestrator.run(rig.group('', { config, killTimeout: '200ms' }));
  const expected = nodes.length + 1;
  await until(`${expected} members of ${word}`, () => membersOf(word).length === expected);
  findings.count('processes', expected);
  await alloc.stop();
  const left = membersOf(word);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  if (left.length > 0) throw new Error(`${left.length} of ${expected} outlived the stop`);
}

/** One that no task started is seen as a survivor. */
async function control(findings: Findings): Promise<void> {
  const word = `hf-tree-${process.pid}-control`;
  const child = spawn('perl', ['-e', MEMBER, MEMBER, word, '0'], { stdio: 'ignore' });
  try {
    await until('the stranger is seen', () => membersOf(word).length === 1).catch(() => undefined);
    const seen = membersOf(word).length;
    findings.control('a process that no stop reaches', seen === 1, `${seen} survivor was seen`);
  } finally {
    child.kill('SIGKILL');
  }
}

/** At least one path is as deep as it may be. */
function treeOf(findings: Findings): readonly string[] {
  const nodes: string[] = [];
  const grow = (parent: number, depth: number, isDeep: boolean): void => {
    if (depth === DEPTH) return;
    const children = isDeep
      ? findings.between(1, MOST_CHILDREN + 1)
      : findings.between(0, MOST_CHILDREN);
    for (let child = 0; child < children; child += 1) {
      const id = nodes.length + 1;
      const traits = ['s', 'd', 'i', 'e'].filter(() => findings.random() < 0.4).join('');
      nodes.push(`${id}:${parent}:${traits}`);
      grow(id, depth + 1, isDeep && child === 0);
    }
  };
  grow(0, 0, true);
  return nodes;
}

/** Living processes with this word among their arguments. A double fork's first half is gone in no time. */
function membersOf(word: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const isZombie = /\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
        return !isZombie && argv[0]?.includes('perl') === true && argv.includes(word);
      } catch {
        return false;
      }
    });
}
