/**
 * A bystander that looks like one of ours: a process with the mark of another instance, and in every case a run
 * directory that names it. Whoever touches it has judged by less than the whole identity.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { markOf } from '../../src/os/launch-key.ts';

const INSTANCE = 'f'.repeat(32);
export const FOREIGN_KEY = 'foreignforeignforeig';

/** Says in a file which signal it got, and goes on. */
const PROGRAM = `
$| = 1; open F, '>>', $ARGV[0]; select F; $| = 1;
for my $s (grep { !/KILL|STOP|CHLD|CLD|NUM|RT|__/ } keys %SIG) { $SIG{$s} = sub { print "$s\\n" } }
for my $s (qw(HUP INT QUIT TERM USR1 USR2 CONT ALRM PIPE)) { $SIG{$s} = sub { print "$s\\n" } }
print "ready\\n"; sleep 1 while 1;
`;

export class Canary {
  readonly #process: ChildProcess;
  readonly #notes: string;

  private constructor(process: ChildProcess, notes: string) {
    this.#process = process;
    this.#notes = notes;
  }

  static async start(dir: string): Promise<Canary> {
    const notes = join(dir, 'canary');
    writeFileSync(notes, '');
    const env = { PATH: '/usr/bin:/bin', HOLDFAST_MARK: markOf(INSTANCE, FOREIGN_KEY) };
    const child = spawn('perl', ['-e', PROGRAM, notes], { env, stdio: 'ignore', detached: true });
    const canary = new Canary(child, notes);
    while (!readFileSync(notes, 'utf8').includes('ready')) await delay(5);
    return canary;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** What was done to it, or undefined. */
  get harm(): string | undefined {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
      return `the bystander was ended by ${this.#process.signalCode ?? 'an exit'}`;
    }
    const signals = readFileSync(this.#notes, 'utf8').split('\n').slice(1, -1);
    return signals.length === 0 ? undefined : `the bystander got ${signals.join(', ')}`;
  }

  /** A run directory of another instance, of which this process is the shim and the program. */
  nestIn(dataDir: string): void {
    const dir = join(dataDir, 'state', 'run', FOREIGN_KEY);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1');
    const intent = {
      protocol: 1,
      instanceId: INSTANCE,
      allocId: 'pair',
      task: 'steady',
      run: 1,
      token: 'f'.repeat(32),
      mark: markOf(INSTANCE, FOREIGN_KEY),
      machineEpoch: machineEpoch(),
      specHash: 'f',
    };
    writeFileSync(join(dir, 'intent'), `${JSON.stringify(intent)}\n`);
    writeFileSync(join(dir, 'fate'), `launch ${stat}`);
    writeFileSync(join(dir, 'identity'), stat);
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}
