/** A machine within the machine: agents whose own network is a namespace of the test's, so that nothing else is touched. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { namesIn } from '../../src/os/quiet-reads.ts';
import { Machine } from './rig.ts';

const COMMAND = new URL('../../bin/holdfast', import.meta.url).pathname;
let made = 0;

/** Why no test here can have networks; undefined: they can. */
export function noNetworksBecause(...programs: readonly string[]): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root';
  const missing = ['ip', 'nsenter', ...programs].find((name) => !isThere(name));
  return missing === undefined ? undefined : `needs ${missing}`;
}

function isThere(name: string): boolean {
  if (name.startsWith('/')) return existsSync(name);
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((dir) => existsSync(join(dir, name)));
}

/** Fails the test when the program does. */
export function sh(script: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script}: ${status}: ${stderr}`);
  return stdout;
}

export class NetworkMachine extends Machine {
  /** Of the namespace that its agents take for the network of their machine. */
  readonly network: string;
  readonly #dir: string;

  constructor() {
    made += 1;
    const network = `hf-machine-${process.pid}-${made}`;
    const dir = mkdtempSync(join(tmpdir(), 'hf-net-'));
    const command = join(dir, 'holdfast');
    writeFileSync(command, `#!/bin/sh\nexec nsenter --net=/run/netns/${network} ${COMMAND} "$@"\n`);
    chmodSync(command, 0o755);
    super(command);
    this.network = network;
    this.#dir = dir;
    sh(`ip netns add ${network} && ip -n ${network} link set lo up`);
  }

  /** Runs a script in the network of this machine. */
  inside(script: string): string {
    return sh(`nsenter --net=/run/netns/${this.network} sh -ec '${script}'`);
  }

  /** The same for a program that goes on; what is given ends it. */
  spawnInside(command: string): () => void {
    const argv = [`--net=/run/netns/${this.network}`, 'sh', '-c', `exec ${command}`];
    const child = spawn('nsenter', argv, { stdio: 'ignore' });
    return () => void child.kill('SIGKILL');
  }

  /** Namespaces that its agents have made. */
  namespaces(): readonly string[] {
    const path = join(this.dataDir, 'state', 'instance.json');
    if (!existsSync(path)) return [];
    const id = JSON.parse(readFileSync(path, 'utf8')) as { readonly instanceId: string };
    const prefix = `holdfast-${id.instanceId.slice(0, 8)}-`;
    return namesIn('/run/netns').filter((name) => name.startsWith(prefix));
  }

  override async scrap(): Promise<void> {
    const left = this.namespaces();
    await super.scrap();
    for (const name of left) sh(`ip netns del ${name}`);
    sh(`ip netns del ${this.network}`);
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
