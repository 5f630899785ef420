/**
 * A docker engine of one's own: its state, socket, cgroups and network are its own, so that nothing that a test does to
 * it can reach another. `local/busybox:1` is there.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export const IMAGE = 'local/busybox:1';

/** Why there is no engine to be had here; undefined when there is. On CI its absence is a failure. */
export function whyNoEngine(): string | undefined {
  if (process.env['CI'] === 'true') return undefined;
  if (process.geteuid?.() !== 0) return 'needs root';
  const missing = ['/usr/sbin/dockerd', '/usr/bin/busybox'].find((path) => !existsSync(path));
  return missing === undefined ? undefined : `needs ${missing}`;
}

export class EngineRig {
  readonly dir = mkdtempSync(join(tmpdir(), 'hf-engine-'));
  readonly socket = join(this.dir, 'docker.sock');
  readonly endpoint = `unix://${this.socket}`;
  readonly #cgroup = `/hf-docker-${basename(this.dir)}`;
  readonly #options: readonly string[];
  #holder: ChildProcess | undefined;

  private constructor(options: readonly string[]) {
    this.#options = options;
  }

  /** `options` are dockerd's, beside those that make it an engine of one's own. */
  static async open(options: readonly string[] = []): Promise<EngineRig> {
    const rig = new EngineRig(options);
    await rig.up();
    rig.#makeImage();
    return rig;
  }

  get pid(): number {
    return Number(readFileSync(join(this.dir, 'docker.pid'), 'utf8'));
  }

  /** The client of the command line. */
  docker(...args: readonly string[]): string {
    return this.#asked(args, 'inherit');
  }

  #asked(args: readonly string[], stderr: 'inherit' | 'ignore'): string {
    const stdio = ['ignore', 'pipe', stderr] as const;
    const words = ['-H', this.endpoint, ...args];
    return execFileSync('docker', words, { encoding: 'utf8', stdio: [...stdio] }).trim();
  }

  /** Names of the containers that there are, in whatever state. */
  names(): readonly string[] {
    return this.docker('ps', '--all', '--format', '{{.Names}}').split('\n').filter(Boolean);
  }

  async up(): Promise<void> {
    const log = openSync(join(this.dir, 'dockerd.log'), 'a');
    const script =
      'exec dockerd --data-root "$0/data" --exec-root "$0/exec" --pidfile "$0/docker.pid"' +
      ' -H "unix://$0/docker.sock" --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs' +
      ' --userland-proxy=false --shutdown-timeout 5 --log-level warn "$@"';
    rmSync(join(this.dir, 'docker.pid'), { force: true });
    const inside = ['--target', String(await this.#namespaces()), '--net', '--mount'];
    const own = ['--cgroup-parent', this.#cgroup, ...this.#options];
    const args = [...inside, 'sh', '-c', script, this.dir, ...own];
    spawn('nsenter', args, { stdio: ['ignore', log, log], detached: true }).unref();
    for (let tries = 0; !this.#isUp(); tries += 1) {
      if (tries > 300) throw new Error(readFileSync(join(this.dir, 'dockerd.log'), 'utf8'));
      await delay(100);
    }
  }

  /** Of whoever holds them, also while no engine is there: what it began lives on in them. */
  async #namespaces(): Promise<number> {
    if (this.#holder?.pid !== undefined) return this.#holder.pid;
    const script = 'ip link set lo up; mount --make-rshared /; echo; exec sleep infinity';
    const args = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', script];
    this.#holder = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    this.#holder.unref();
    const { pid, stdout } = this.#holder;
    await once(stdout ?? this.#holder, 'data');
    stdout?.destroy();
    if (pid === undefined) throw new Error('nobody holds the namespaces of an engine');
    return pid;
  }

  #isUp(): boolean {
    try {
      return (
        existsSync(this.socket) && this.#asked(['version', '--format', 'up'], 'ignore') === 'up'
      );
    } catch {
      return false;
    }
  }

  /** Ends the engine and waits until it is gone: SIGTERM ends its containers too, SIGKILL leaves them. */
  async down(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { pid } = this;
    process.kill(pid, signal);
    while (existsSync(`/proc/${pid}/exe`) && isRunning(pid)) await delay(20);
    if (signal === 'SIGKILL') await this.#endContainerd();
  }

  /**
   * A containerd whose engine was killed goes a moment later. The next engine would take it for one that lives for as
   * long as nobody has asked how it ended, and wait for it in vain.
   */
  async #endContainerd(): Promise<void> {
    const file = join(this.dir, 'exec/containerd/containerd.pid');
    const pid = Number(readFileSync(file, 'utf8'));
    for (let tries = 0; tries < 500 && isRunning(pid); tries += 1) await delay(20);
    rmSync(file, { force: true });
  }

  async close(): Promise<void> {
    try {
      const ids = this.docker('ps', '--all', '--quiet').split('\n').filter(Boolean);
      if (ids.length > 0) this.docker('rm', '--force', ...ids);
      await this.down('SIGTERM');
    } catch {
      // It was ended by the test: what it left is ended below.
    }
    for (const pid of pids()) {
      if (!commandOf(pid).includes(`${this.dir}/`) || pid === String(process.pid)) continue;
      if (/^[^\0]*(?:containerd|dockerd|unshare)/.test(commandOf(pid))) kill(Number(pid));
    }
    this.#holder?.kill('SIGKILL');
    await this.#removeCgroups();
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').match(
      new RegExp(` ${this.dir}/\\S*`, 'g'),
    );
    for (const mount of (mounts ?? []).toSorted().toReversed())
      execFileSync('umount', [mount.trim()]);
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #removeCgroups(): Promise<void> {
    const kill = `/sys/fs/cgroup/unified${this.#cgroup}/cgroup.kill`;
    if (existsSync(kill)) writeFileSync(kill, '1');
    await delay(100);
    for (const name of readdirSync('/sys/fs/cgroup'))
      removeBelow(join('/sys/fs/cgroup', name, this.#cgroup));
  }

  #makeImage(): void {
    const root = mkdtempSync(join(tmpdir(), 'hf-image-'));
    for (const name of ['bin', 'etc', 'tmp', 'proc', 'dev', 'sys']) mkdirSync(join(root, name));
    execFileSync('cp', ['/usr/bin/busybox', join(root, 'bin/busybox')]);
    const applets = execFileSync('/usr/bin/busybox', ['--list'], { encoding: 'utf8' }).split('\n');
    for (const name of applets.filter((one) => one !== '' && one !== 'busybox')) {
      symlinkSync('busybox', join(root, 'bin', name));
    }
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:::/bin/false\n',
    );
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
    const tar = join(this.dir, 'image.tar');
    execFileSync('tar', ['-C', root, '-cf', tar, '.']);
    this.docker('import', '-c', 'CMD ["/bin/sh"]', '-c', 'ENV PATH=/bin', tar, IMAGE);
    rmSync(root, { recursive: true });
    rmSync(tar);
  }
}

function pids(): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function removeBelow(dir: string): void {
  if (!existsSync(dir)) return;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) removeBelow(join(dir, entry.name));
  }
  try {
    rmdirSync(dir);
  } catch {
    // Something in it is still on its way out: an empty cgroup is in nobody's way.
  }
}
