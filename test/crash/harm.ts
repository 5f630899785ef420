/** What a plan may cost at most: everything else that goes wrong is a fault. */
import type { Strike } from './plan.ts';

export interface Harm {
  /** A shim was hurt or the machine started anew: an exit status may be lost, and the log must say so. */
  readonly mayLose: boolean;
  /** Programs themselves are killed. */
  readonly killsPrograms: boolean;
  /** Bytes in pipes went with the machine. */
  readonly losesPipes: boolean;
  /** Nothing but agents and hosts was hurt, and no call failed: every run takes place, once. */
  readonly isExact: boolean;
  /** The shim's child gave up before the program: a refusal that is recorded with an exit code of its own. */
  readonly refusesPrograms: boolean;
  /** The release of a task's output failed for good: its FIFOs stay, and the host that reads them. */
  readonly keepsOutput: boolean;
  /** Taking a network away failed: its record stays for the next one that needs a network, or the next agent. */
  readonly keepsNetworks: boolean;
  /** The rig has written other pids into the files of the runs. */
  readonly forgesPids: boolean;
  /** An agent that was replaced may make FIFOs before it is told so. */
  readonly leavesFifos: boolean;
}

export function harmOf(plan: readonly Strike[]): Harm {
  const hurtsShim = ({ point, action }: Strike): boolean =>
    (point.startsWith('shim.') && (action === 'kill' || action === 'error')) ||
    action === 'kill-shim';
  const endsMachine = ({ action }: Strike): boolean =>
    action === 'reboot' || action === 'reuse-pids' || action === 'kill-run';
  const failsAt = (where: RegExp): boolean =>
    plan.some(({ point, action }) => action === 'error' && where.test(point));
  const losesPipes = plan.some(({ action }) => action === 'reboot' || action === 'reuse-pids');
  const killsPrograms = plan.some((strike) => endsMachine(strike) || hurtsShim(strike));
  const keepsOutput = failsAt(/^logmon\.(release|close)|^agent\.(collect|fifos|cleanup)/);
  return {
    mayLose: killsPrograms,
    killsPrograms,
    losesPipes,
    isExact: !killsPrograms && !failsAt(/./),
    refusesPrograms: failsAt(/^shim\./),
    keepsOutput,
    keepsNetworks: failsAt(/^agent\.network\.(detached|removed)/),
    forgesPids: plan.some(({ action }) => action === 'reuse-pids'),
    leavesFifos: keepsOutput || plan.some(({ action }) => action === 'usurper'),
  };
}
