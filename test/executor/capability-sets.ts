/** The five capability sets of programs, as the kernel tells them, for root and others under both executors. */
import { exec } from '../../src/drivers/exec.ts';
import { rawExec } from '../../src/drivers/raw-exec.ts';
import { CAPABILITY_BITS, capabilitySets, ownCapabilities } from '../../src/os/own-capabilities.ts';
import { ExecRig, sh } from '../drivers/exec-rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import { inTurns } from './in-turns.ts';

/** Nomad's, written down anew: the package's own list is what is tried. */
const GIVEN = [
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE',
  'SETFCAP SETGID SETPCAP SETUID SYS_CHROOT',
].flatMap((line) => line.split(' ').map((name) => `CAP_${name}`));
const SETS = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'] as const;
const TOGETHER = 4;

interface Wish {
  readonly executor: 'isolated' | 'universal';
  readonly user: 'root' | 'nobody';
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
}

export const capabilityDrill: Drill = {
  name: 'capability sets',
  promise:
    'programs of root and of others have exactly the capabilities that were asked for, in all five sets',
  tools: ['runc', 'conmon', 'setpriv'],
  privileges: ['root'],
  cases: { share: 8, full: 200 },
  async run(findings, cases) {
    const rig = new ExecRig([exec({ allowCapabilities: ['all'] }), rawExec()]);
    try {
      const wishes = Array.from({ length: cases }, (_one, index) => wishOf(findings, index));
      await inTurns(cases, TOGETHER, async (index) => {
        const wish = wishes[index] as Wish;
        await findings.attempt(JSON.stringify(wish), async () => {
          const { executor, user, capAdd, capDrop } = wish;
          const config = { executor, capAdd: [...capAdd], capDrop: [...capDrop] };
          const { stdout, view } = await rig.ran('cat /proc/self/status', { user, config });
          if (stdout === '') throw new Error(`nothing ran: ${view.reason}`);
          const fault = faultIn(stdout, wish);
          if (fault !== undefined) throw new Error(fault);
        });
        findings.count(`${wish.executor}, ${wish.user}`);
      });
      await plainTasks(rig, findings);
      // What nobody confined: this very process.
      const wish = { executor: 'isolated', user: 'root', capAdd: [], capDrop: [] } as const;
      const fault = faultIn(sh('cat /proc/self/status'), wish) ?? 'nothing';
      const isCaught = fault.startsWith('CapPrm of root is ');
      findings.control('a program that is not confined', isCaught, `${fault.slice(0, 60)} …`);
    } finally {
      await rig.end();
    }
  },
};

/** Who asks for nothing: root keeps what the agent has, everybody else has none. */
async function plainTasks(rig: ExecRig, findings: Findings): Promise<void> {
  const ofAgent = capabilitySets(sh('cat /proc/self/status'));
  for (const user of ['root', 'nobody'] as const) {
    await findings.attempt(`raw_exec, ${user}`, async () => {
      const { stdout } = await rig.ran('cat /proc/self/status', { driver: 'raw_exec', user });
      const sets = capabilitySets(stdout);
      for (const set of SETS) {
        const expected = user === 'root' ? (ofAgent.get(set) ?? []) : [];
        const found = sets.get(set) ?? ['nothing'];
        if (found.join() !== expected.join()) throw new Error(`${set} is ${found.join(' ')}`);
      }
    });
    findings.count(`raw_exec, ${user}`);
  }
}

/** Every second case changes the sets; added and dropped have nothing in common. */
function wishOf(findings: Findings, index: number): Wish {
  const executor = index % 2 === 0 ? 'isolated' : 'universal';
  const user = index % 4 < 2 ? 'root' : 'nobody';
  if (index % 8 < 4) return { executor, user, capAdd: [], capDrop: [] };
  const own = ownCapabilities();
  const capAdd = own.filter((name) => !GIVEN.includes(name) && findings.random() < 0.3);
  const capDrop = GIVEN.filter(() => findings.random() < 0.3);
  return { executor, user, capAdd, capDrop };
}

function faultIn(status: string, { user, capAdd, capDrop }: Wish): string | undefined {
  const sets = capabilitySets(status);
  const own = new Set(ownCapabilities());
  const wished = new Set([...GIVEN.filter((name) => !capDrop.includes(name)), ...capAdd]);
  const all = CAPABILITY_BITS.filter((name) => wished.has(name) && own.has(name));
  for (const set of SETS) {
    const isEmpty = user === 'root' && (set === 'CapInh' || set === 'CapAmb');
    const [expected, found] = [isEmpty ? [] : all, sets.get(set) ?? []];
    if (expected.join() === found.join()) continue;
    return `${set} of ${user} is ${found.join(' ') || 'empty'}, not ${expected.join(' ') || 'empty'}`;
  }
  return undefined;
}
