/**
 * Wall clocks that jump, under a running agent and between two agents: nothing is started, killed or restarted by it,
 * and a pause or a deadline that is running keeps its length. The control reads the wall clock for its deadlines.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { countingGroup, Machine, pidsOf, until } from '../acceptance/rig.ts';
import type { Drill, Findings } from './drill.ts';
import type { Patch } from '../patch.ts';
import { copyPackage } from './patched-copy.ts';
import { isRunning } from './processes.ts';

const PACKAGE = new URL('../../', import.meta.url).pathname;

const BY_WALL_CLOCK: readonly Patch[] = [
  {
    file: 'src/actors/system-clock.ts',
    find: 'const steady = (): number => offsetMs + monotonicMs();',
    replace: 'const steady = (): number => Date.now() + 0 * (offsetMs + monotonicMs());',
  },
];

export const clockJumps: Drill = {
  name: 'clock jumps',
  promise: 'a wall clock that jumps starts, kills and restarts nothing, and moves no deadline',
  tools: ['faketime'],
  privileges: [],
  mutants: [BY_WALL_CLOCK],
  cases: { share: 1, full: 8 },
  async run(findings, cases) {
    for (let number = 0; number < cases; number += 1) {
      const ahead = `+${findings.pick(['3h', '1d', '400d'])}`;
      const back = `-${findings.pick(['3h', '1d', '400d'])}`;
      await findings.attempt(`${ahead} ${number}`, () =>
        withClock(PACKAGE, (rig) => forward(rig, ahead)),
      );
      await findings.attempt(`${back} ${number}`, () =>
        withClock(PACKAGE, (rig) => backward(rig, back)),
      );
      findings.count('jumps', 4);
    }
    await control(findings);
  },
};

/** An agent whose wall clock can be turned. */
class TurnedMachine extends Machine {
  readonly #home: string;
  agent: Orchestrator | undefined;

  constructor(root: string) {
    const home = mkdtempSync(join(tmpdir(), 'hf-clock-'));
    super(commandIn(home, root));
    this.#home = home;
    this.turnTo('+0');
  }

  turnTo(offset: string): void {
    writeFileSync(join(this.#home, 'offset'), `${offset}\n`);
  }

  async live(): Promise<Orchestrator> {
    return (this.agent = await this.startAgent());
  }

  async jump(offset: string): Promise<Orchestrator> {
    this.turnTo(offset);
    await this.fence();
    await this.killAgent();
    const agent = await this.live();
    await this.fence();
    return agent;
  }

  /** Whatever the jump set off has been done when this program, which was asked for later, has come and gone. */
  async fence(): Promise<void> {
    const agent = await this.connect();
    for (let turn = 0; turn < 2; turn += 1) {
      const group = failing('fence', { attempts: 0 }, 'exit 0');
      await (
        await agent.run({ ...group, type: 'batch' })
      ).wait({ signal: AbortSignal.timeout(60_000) });
    }
  }

  async eventsOf(ref: string): Promise<readonly PublicEvent[]> {
    const found: PublicEvent[] = [];
    const agent = await this.connect();
    for await (const event of agent.events({ ref, until: 'head' })) found.push(event);
    return found;
  }

  async has(ref: string, type: string): Promise<boolean> {
    return (await this.eventsOf(ref)).some((event) => event.type === type);
  }

  async end(): Promise<void> {
    await this.scrap();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** The command under libfaketime. Its timers are left alone, as a turned clock leaves the kernel's. */
function commandIn(home: string, root: string): string {
  const libraries = readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'faketime', 'libfaketimeMT.so.1'))
    .filter((path) => existsSync(path));
  const env = [
    `LD_PRELOAD=${libraries[0]}`,
    `FAKETIME_TIMESTAMP_FILE=${join(home, 'offset')}`,
    'FAKETIME_NO_CACHE=1',
    'FAKETIME_DONT_FAKE_MONOTONIC=1',
    'DONT_FAKE_MONOTONIC=1',
    'NO_FAKE_STAT=1',
  ];
  const command = join(home, 'holdfast');
  writeFileSync(
    command,
    `#!/bin/sh\nexec env ${env.join(' ')} ${join(root, 'bin', 'holdfast')} "$@"\n`,
  );
  chmodSync(command, 0o755);
  return command;
}

async function withClock(root: string, work: (rig: TurnedMachine) => Promise<void>): Promise<void> {
  const rig = new TurnedMachine(root);
  try {
    await rig.live();
    await work(rig);
  } finally {
    await rig.end();
  }
}

type Restart = NonNullable<GroupSpecInput['restart']>;

function failing(
  name: string,
  restart: Restart,
  script: string,
  killTimeout = '5s',
): GroupSpecInput {
  const config = { command: '/bin/sh', args: ['-c', script] };
  return { name, restart, tasks: [{ name, driver: 'raw_exec', config, killTimeout }] };
}

const DEAF = "trap '' TERM; while :; do sleep 0.1; done";
const LONGEST_KILL_MS = 30_000;

async function stateOf(agent: Orchestrator, ref: string): Promise<string | undefined> {
  return (await agent.inspect(ref)).tasks[0]?.state;
}

/** A pause of an hour and a kill that takes as long as one may are not over because somebody turned the clock. */
async function forward(rig: TurnedMachine, by: string): Promise<void> {
  let agent = await rig.connect();
  await agent.run(countingGroup('count', 1));
  await agent.run(failing('waits', { attempts: 1, interval: '3h', delay: '1h' }, 'exit 1'));
  await agent.run(failing('deaf', { attempts: 0 }, DEAF, `${LONGEST_KILL_MS}ms`));
  const pids = await until('it runs', () => pidsOf(agent, 'count'));
  await until('deaf runs', () => pidsOf(agent, 'deaf'));
  await until('it waits', async () => (await stateOf(agent, 'waits')) === 'backoff');
  void agent.stop('deaf').catch(() => undefined);
  await until('it is being killed', async () => (await stateOf(agent, 'deaf')) === 'killing');
  const killingSince = Date.now();
  agent = await rig.jump(by);
  if (await rig.has('waits', 'RestartDelayElapsed')) throw new Error('the pause was cut short');
  const exited = (await rig.eventsOf('deaf')).find(({ type }) => type === 'TaskExited');
  // The time of the end is that of the exit record, which no turned clock wrote.
  const { exitedAt = Number.POSITIVE_INFINITY } = (exited?.data ?? {}) as { exitedAt?: number };
  if (exitedAt - killingSince < LONGEST_KILL_MS - 2_000) throw new Error('the kill came early');
  await expectUntouched(agent, pids);
}

/** A pause of some seconds and a short kill come to their end although the clock stands before their beginning. */
async function backward(rig: TurnedMachine, by: string): Promise<void> {
  let agent = await rig.connect();
  await agent.run(countingGroup('count', 1));
  await agent.run(failing('soon', { attempts: 9, interval: '1h', delay: '4s' }, 'exit 1'));
  await agent.run(failing('deaf', { attempts: 0 }, DEAF, '4s'));
  const pids = await until('it runs', () => pidsOf(agent, 'count'));
  await until('deaf runs', () => pidsOf(agent, 'deaf'));
  await until('it waits', async () => (await stateOf(agent, 'soon')) === 'backoff');
  void agent.stop('deaf').catch(() => undefined);
  await until('it is being killed', async () => (await stateOf(agent, 'deaf')) === 'killing');
  rig.turnTo(by);
  await rig.killAgent();
  agent = await rig.live();
  await until('the pause is over', () => rig.has('soon', 'RestartDelayElapsed'));
  await until('deaf is dead', () => rig.has('deaf', 'TaskExited'));
  await expectUntouched(agent, pids);
}

async function expectUntouched(agent: Orchestrator, pids: readonly number[]): Promise<void> {
  const now = await pidsOf(agent, 'count');
  if (JSON.stringify(now) !== JSON.stringify(pids)) throw new Error('a running task was touched');
  for (const pid of pids) if (!isRunning(pid)) throw new Error('a running task is gone');
}

async function control(findings: Findings): Promise<void> {
  const copy = mkdtempSync(join(tmpdir(), 'hf-wall-'));
  let fault = 'nothing was found';
  try {
    copyPackage(copy, BY_WALL_CLOCK);
    await withClock(copy, (rig) => forward(rig, '+1d')).catch((error: unknown) => {
      fault = error instanceof Error ? error.message : String(error);
    });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  const isCaught = fault === 'the pause was cut short' || fault === 'the kill came early';
  findings.control('deadlines on the wall clock', isCaught, fault);
}
