/** Many starts and ends on one host: no zombie, no descriptor, no cgroup and no memory of them stays. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { executorMethods as service } from '../../src/rpc/executor-methods.ts';
import { call, follow } from '../../src/rpc/framed-client.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { until } from '../acceptance/rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import { ConfinementRig } from '../processes/confinement-rig.ts';
import { inTurns } from './in-turns.ts';
import { INSTANCE } from '../own-instance.ts';

const TOGETHER = 4;
/** Cycles before what a quiet host holds is noted. */
const WARM = 40;

interface Census {
  readonly zombies: number;
  readonly descriptors: number;
  readonly children: number;
}

export const cycleDrill: Drill = {
  name: 'cycles',
  promise: 'a host that started and counted many programs is as it was before them',
  tools: [],
  privileges: ['root', 'cgroups'],
  cases: { share: 300, full: 10_000 },
  async run(findings, cases) {
    const rig = new ConfinementRig();
    try {
      const host = await rig.host('cycles');
      const ends = new Ends(host);
      await cycles(rig, host, ends, findings, WARM);
      const before = await quietCensus(host.address.pid);
      await cycles(rig, host, ends, findings, cases);
      const after = await quietCensus(host.address.pid);
      findings.count('cycles', cases);
      for (const [name, count] of Object.entries(after)) findings.count(`${name} after`, count);
      const fault = faultIn(before, after);
      if (fault !== undefined) findings.fail(`${cases} cycles`, fault);
      const { runs } = await call(host.channel, service.hello, {
        agentEpoch: 1,
        instanceId: INSTANCE,
      });
      if (runs !== 0) findings.fail(`${cases} cycles`, `the host says it has ${runs} runs`);
      ends.leave();
      await control(findings);
    } finally {
      rig.end();
    }
  },
};

/** Not by `rig.started`: whoever ends a rig kills what it started, and thousands of pids are others' by then. */
async function cycles(
  rig: ConfinementRig,
  host: Host,
  ends: Ends,
  findings: Findings,
  count: number,
): Promise<void> {
  await inTurns(count, TOGETHER, async (index) => {
    const code = index % 7;
    const request = rig.tracked(`exit ${code}`);
    const { launchKey } = request;
    await findings.attempt(`cycle ${index}`, async () => {
      const ended = ends.of(launchKey);
      const { outcome } = await call(host.channel, service.launch, request);
      if (outcome?.$case !== 'started') throw new Error(JSON.stringify(outcome));
      const exitCode = await ended;
      if (exitCode !== code) throw new Error(`ended with ${exitCode}, not with ${code}`);
      await call(host.channel, service.forget, { agentEpoch: 1, launchKey });
    });
  });
}

/** Exit codes as the host reports them, over one call. */
class Ends {
  readonly #waiting = new Map<string, (exitCode: number) => void>();
  readonly #left = new AbortController();

  constructor(host: Host) {
    void this.#listen(host);
  }

  of(launchKey: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(launchKey, resolve));
  }

  leave(): void {
    this.#left.abort();
  }

  async #listen(host: Host): Promise<void> {
    const options = { signal: this.#left.signal };
    const reports = follow(host.channel, service.follow, { agentEpoch: 1 }, options);
    for await (const { launchKey, report } of reports) {
      if (report?.$case !== 'exit') continue;
      this.#waiting.get(launchKey)?.(report.value.exitCode);
      this.#waiting.delete(launchKey);
    }
  }
}

/** Once it does not change any more. */
async function quietCensus(pid: number): Promise<Census> {
  let last = censusOf(pid);
  await until(`process ${pid} is quiet`, () => {
    const now = censusOf(pid);
    const isQuiet = JSON.stringify(now) === JSON.stringify(last) && now.zombies === 0;
    last = now;
    return isQuiet;
  }).catch(() => undefined);
  return last;
}

function censusOf(pid: number): Census {
  const states = readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state = '', parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return Number(parent) === pid ? [state] : [];
    } catch {
      return [];
    }
  });
  return {
    zombies: states.filter((state) => state === 'Z').length,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    children: states.length,
  };
}

function faultIn(before: Census, after: Census): string | undefined {
  for (const name of ['zombies', 'descriptors', 'children'] as const) {
    if (after[name] > before[name]) return `${name}: ${before[name]} before, ${after[name]} after`;
  }
  return undefined;
}

/** A parent that counts no child and closes no file. */
async function control(findings: Findings): Promise<void> {
  const script =
    '$| = 1; <STDIN>; open my $f, "<", "/dev/null"; exit 0 unless fork; print "x"; sleep 1000';
  const child = spawn('perl', ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const pid = child.pid ?? 0;
  try {
    const before = censusOf(pid);
    child.stdin.write('\n');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await until('its child has ended', () => censusOf(pid).zombies === 1).catch(() => undefined);
    const fault = faultIn(before, censusOf(pid));
    findings.control('a parent that never counts', fault !== undefined, fault ?? 'nothing');
  } finally {
    child.kill('SIGKILL');
  }
}
