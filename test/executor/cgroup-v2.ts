/**
 * cgroup v2 with all its controllers, on a machine whose own are in v1: in a small machine that is emulated. A boot
 * takes half a minute, and Debian's kernel is fetched once: 70 MB. Too much for CI, whose share is none.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'rolldown';
import type { Drill, Findings } from '../faults/drill.ts';

const PLAY = join(import.meta.dirname, 'cgroup-v2-play.ts');
const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'holdfast-executor');
const DEADLINE_MS = 300_000;
const EMULATED = [
  '-accel tcg,thread=multi -cpu max -smp 2 -m 1536 -nodefaults -nographic -serial stdio -no-reboot',
].flatMap((line) => line.split(' '));

const INIT = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t cgroup2 none /sys/fs/cgroup
/node /play.mjs
poweroff -f
`;

const ANSWER = { isAvailable: true };
const EXPECTED: Readonly<Record<string, unknown>> = {
  mode: 'v2',
  limits: {
    'memory.max': String(64 * 1024 * 1024),
    'memory.low': String(16 * 1024 * 1024),
    'pids.max': '50',
    'cpu.max': '30000 100000',
    'cpuset.cpus': '0',
    isRemoved: true,
  },
  oom: { signal: 'SIGKILL', kills: 1, isRemoved: true },
  throttled: {
    isThrottled: true,
    timeIsWhole: true,
    limitBytes: 64 * 1024 * 1024,
    hasMemory: true,
    counts: [1, 1, 0],
    listed: 1,
    isRemoved: true,
  },
  crowd: { way: 'cgroup.kill', isRemoved: true },
  answers: {
    tracking: ANSWER,
    kill: ANSWER,
    limits: { memory: ANSWER, cpu: ANSWER, cpuset: ANSWER, pids: ANSWER },
  },
};

export const cgroupV2Drill: Drill = {
  name: 'cgroup v2',
  promise:
    'limits, ends, kills and statistics are what they are in v1 where all controllers are in v2',
  tools: ['qemu-system-x86_64', 'cpio', 'busybox', 'dpkg'],
  privileges: [],
  cases: { share: 0, full: 3 },
  async run(findings, cases) {
    const dir = mkdtempSync(join(tmpdir(), 'hf-v2-'));
    try {
      const kernel = fetchKernel();
      const image = await makeImage(dir);
      for (let index = 0; index < cases; index += 1) {
        await findings.attempt(`boot ${index}`, () => {
          const seen = boot(kernel, image, 'cgroup_no_v1=all');
          for (const fault of faultsIn(EXPECTED, seen, '')) findings.fail(`boot ${index}`, fault);
          findings.count('boots');
          findings.count('facts', leavesOf(EXPECTED));
        });
      }
      control(findings, kernel, image);
    } finally {
      rmSync(dir, { recursive: true });
    }
  },
};

/** Without the controller of memory nobody is ended for it, and that is seen. */
function control(findings: Findings, kernel: string, image: string): void {
  const seen = boot(kernel, image, 'cgroup_no_v1=all cgroup_disable=memory');
  const faults = faultsIn(EXPECTED, seen, '');
  const text = faults.find((fault) => fault.startsWith('answers.limits.memory')) ?? 'nothing';
  findings.control('a kernel without the memory controller', text !== 'nothing', text);
}

function boot(kernel: string, image: string, words: string): Record<string, unknown> {
  const append = `console=ttyS0 quiet panic=-1 ${words}`;
  const args = [...EMULATED, '-kernel', kernel, '-initrd', image, '-append', append];
  const text = execFileSync('qemu-system-x86_64', args, {
    encoding: 'utf8',
    timeout: DEADLINE_MS,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [, json] = /^HOLDFAST-SEEN (.*)$/m.exec(text.replaceAll('\r', '')) ?? [];
  if (json === undefined) throw new Error(`the machine said: ${text.slice(-2_000)}`);
  return JSON.parse(json) as Record<string, unknown>;
}

/** Debian's, from its archive, without installing it. */
function fetchKernel(): string {
  const kernel = join(CACHE, 'vmlinuz');
  mkdirSync(CACHE, { recursive: true });
  if (readdirSync(CACHE).includes('vmlinuz')) return kernel;
  const dir = mkdtempSync(join(tmpdir(), 'hf-kernel-'));
  try {
    const script = `apt-get download -q "$(apt-cache depends linux-image-amd64 |
      awk '/Depends: linux-image/ { print $2; exit }')" && dpkg -x ./*.deb tree`;
    execFileSync('sh', ['-c', script], { cwd: dir, stdio: 'ignore' });
    const boots = join(dir, 'tree', 'boot');
    const name = readdirSync(boots).find((one) => one.startsWith('vmlinuz'));
    copyFileSync(join(boots, name ?? 'vmlinuz'), `${kernel}.new`);
    renameSync(`${kernel}.new`, kernel);
    return kernel;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** This Node, busybox and the play as one script. */
async function makeImage(dir: string): Promise<string> {
  const root = join(dir, 'root');
  for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp'])
    mkdirSync(join(root, name), { recursive: true });
  copyFileSync(
    execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim(),
    join(root, 'bin/busybox'),
  );
  for (const name of ['sh', 'mount', 'poweroff', 'sleep', 'tail', 'setsid']) {
    execFileSync('ln', ['-s', 'busybox', join(root, 'bin', name)]);
  }
  copyFileSync(process.execPath, join(root, 'node'));
  for (const library of librariesOf(process.execPath)) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
  writeFileSync(join(root, 'init'), INIT);
  chmodSync(join(root, 'init'), 0o755);
  await build({
    input: PLAY,
    platform: 'node',
    external: [/^node:/],
    output: { file: join(root, 'play.mjs'), format: 'esm' },
    logLevel: 'silent',
  });
  const image = join(dir, 'image');
  execFileSync('sh', ['-c', `find . | cpio --quiet -o -H newc > ${image}`], { cwd: root });
  return image;
}

function librariesOf(program: string): readonly string[] {
  const text = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...text.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map(([, path]) => path as string);
}

/** What is expected must be there; more may be. */
function faultsIn(expected: unknown, seen: unknown, path: string): readonly string[] {
  if (typeof expected !== 'object' || expected === null || Array.isArray(expected)) {
    const isSame = JSON.stringify(expected) === JSON.stringify(seen);
    return isSame ? [] : [`${path} is ${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`];
  }
  return Object.entries(expected).flatMap(([name, value]) => {
    const below = (seen as Record<string, unknown> | undefined)?.[name];
    return faultsIn(value, below, path === '' ? name : `${path}.${name}`);
  });
}

function leavesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 1;
  return Object.values(value).reduce((sum: number, one) => sum + leavesOf(one), 0);
}
