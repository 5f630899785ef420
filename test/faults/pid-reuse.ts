/**
 * Pids that change hands. In a pid namespace of its own the pids of a run's program, shim and host are given to
 * strangers the moment they are free; no signal of ours may reach one. The control knows processes by their pid alone.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Drill, Findings } from './drill.ts';
import type { Patch } from '../patch.ts';
import { copyPackage } from './patched-copy.ts';
import { signalAll } from './processes.ts';

const PACKAGE = new URL('../../', import.meta.url).pathname;

const BY_PID_ALONE: readonly Patch[] = [
  {
    file: 'src/os/process-identity.ts',
    find: 'stat === undefined || stat.startTime !== identity.startTime',
    replace: 'stat === undefined',
  },
  {
    file: 'src/os/process-tree.ts',
    find: 'startTimes.get(stat.pid) === stat.startTime',
    replace: 'startTimes.has(stat.pid)',
  },
  {
    file: 'src/os/process-tree.ts',
    find: 'stat.startTime === run.program.startTime && stat.session',
    replace: 'stat.session',
  },
  {
    file: 'src/os/process-tree.ts',
    find: 'stat.startTime !== leader.startTime || stat.processGroup',
    replace: 'stat.processGroup',
  },
];

export const pidReuse: Drill = {
  name: 'reused pids',
  promise: 'no signal reaches a stranger who was given the pid of a program, a shim or a host',
  tools: ['unshare'],
  privileges: ['pid namespace'],
  mutants: [BY_PID_ALONE],
  cases: { share: 5, full: 100 },
  async run(findings, cases) {
    const { words, errors } = await inNamespace(PACKAGE, findings.seed, cases);
    for (const line of words) {
      if (line === 'pid reused') findings.count('pids reused');
      if (line.startsWith('trial ')) findings.count('trials');
      if (line.startsWith('hit ')) findings.fail(line, 'a signal reached a stranger');
    }
    if (!words.includes('finished')) {
      findings.fail(words.at(-1) ?? 'the beginning', errors || 'it hangs');
    }
    await control(findings);
  },
};

async function control(findings: Findings): Promise<void> {
  const copy = mkdtempSync(join(tmpdir(), 'hf-bypid-'));
  try {
    copyPackage(copy, BY_PID_ALONE);
    const { words } = await inNamespace(copy, findings.seed, 8, 'a hit is enough');
    const hits = words.filter((line) => line.startsWith('hit '));
    const text = `${hits.length} signals reached strangers`;
    findings.control('processes known by their pid alone', hits.length > 0, text);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** The namespace ends with its first process, and everything in it with the namespace. */
async function inNamespace(
  root: string,
  seed: number,
  count: number,
  isEnough?: 'a hit is enough',
): Promise<{ words: readonly string[]; errors: string }> {
  const home = mkdtempSync(join(tmpdir(), 'hf-pid-'));
  const program = join(root, 'test/faults/programs/pid-reuse.ts');
  // A shell counts the orphans, as the first process must.
  const script = `${process.execPath} ${program} ${home} ${seed} ${count}; exit $?`;
  const args = ['--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', script];
  const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    if (isEnough !== undefined && text.includes('hit ')) child.kill('SIGKILL');
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (errors += piece));
  const deadline = setTimeout(() => child.kill('SIGKILL'), 60_000 + 10_000 * count);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(deadline);
  signalAll(home, 'SIGKILL');
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
  return { words: text.split('\n').slice(0, -1), errors };
}
