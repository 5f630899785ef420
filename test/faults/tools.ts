/**
 * What a drill needs from the machine. In CI (`CI=true`) a missing program fails its tests, because a drill that is
 * quietly left out proves nothing; elsewhere they are skipped and say why.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Programs by the names they are called by, with the Debian package that has them. */
const PACKAGES = {
  strace: 'strace',
  faketime: 'faketime',
  'mkfs.ext4': 'e2fsprogs',
  unshare: 'util-linux',
  mount: 'util-linux',
  setpriv: 'util-linux',
  nsenter: 'util-linux',
  ip: 'iproute2',
  perl: 'perl-base',
  'qemu-system-x86_64': 'qemu-system-x86',
  cpio: 'cpio',
  busybox: 'busybox-static',
  dpkg: 'dpkg',
  runc: 'runc',
  dockerd: 'docker.io',
  java: 'default-jdk-headless',
  conmon: 'conmon',
} as const;

export type Tool = keyof typeof PACKAGES;

/** Privileges that a machine may refuse whatever is installed on it. */
export type Privilege = keyof typeof PROBES;

const SEARCHED = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
const isCi = process.env['CI'] === 'true' || process.env['CI'] === '1';

/**
 * Why a drill cannot be done here, undefined when it can. In CI a missing program throws; a missing privilege only
 * speaks up, since no package brings it.
 */
export function lacking(
  tools: readonly Tool[],
  privileges: readonly Privilege[] = [],
): string | undefined {
  const missing = tools.filter((tool) => !SEARCHED.some((dir) => existsSync(join(dir, tool))));
  if (missing.length > 0) {
    const reason = missing.map((tool) => `${tool} (package ${PACKAGES[tool]})`).join(', ');
    if (isCi) throw new Error(`CI must have installed ${reason}: see .ci/run`);
    return `${reason} is not installed`;
  }
  const refused = privileges.find((privilege) => !isGranted(privilege));
  if (refused === undefined) return undefined;
  const reason = `this machine grants no ${refused}`;
  process.stderr.write(`NOT TESTED HERE: ${reason}\n`);
  return reason;
}

const granted = new Map<Privilege, boolean>();

/** Tried once, by doing it. */
function isGranted(privilege: Privilege): boolean {
  const known = granted.get(privilege);
  if (known !== undefined) return known;
  const found = succeeds(PROBES[privilege]);
  granted.set(privilege, found);
  return found;
}

/** `sh` programs in a directory of their own that succeed where the privilege is granted. */
const PROBES = {
  root: 'test "$(id -u)" = 0',
  // A machine may have cgroups and not let anybody make one.
  cgroups:
    'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir "$d/hf-probe-$$" && rmdir "$d/hf-probe-$$" && exit; done',
  'memory limits':
    'test -e /sys/fs/cgroup/memory/memory.limit_in_bytes || grep -qw memory /sys/fs/cgroup/cgroup.controllers',
  'network namespaces': 'unshare --net true',
  tracing: 'strace -o /dev/null true',
  mounting: 'mount -t tmpfs -o size=64k tmpfs . && umount -l "$PWD"',
  'loop device':
    'truncate -s 4M image && mkfs.ext4 -q image && mkdir disk && mount -o loop image disk && umount disk',
  'pid namespace':
    "unshare --pid --fork --mount-proc sh -c 'echo 4000 > /proc/sys/kernel/ns_last_pid'",
} as const;

function succeeds(script: string): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'hf-probe-'));
  try {
    const env = { ...process.env, PATH: SEARCHED.join(':') };
    execFileSync('sh', ['-c', script], { cwd: dir, env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
