/** Runs a command beside the program. Nomad and Consul: 0 is passing, 1 a warning, anything else critical. */
import type { CommandEnd } from '../hook.ts';
import type { Probe, ProbeResult } from './probe.ts';

export function scriptProbe(run: (signal: AbortSignal) => Promise<CommandEnd>): Probe {
  return async (signal) => resultOf(await run(signal));
}

function resultOf({ exitCode, signal, output }: CommandEnd): ProbeResult {
  if (exitCode === 0) return { status: 'passing', output };
  if (exitCode === 1) return { status: 'warning', output };
  const how = signal === null ? `exit code ${exitCode ?? 'unknown'}` : `ended by ${signal}`;
  return { status: 'critical', output: output === '' ? how : `${how}: ${output}` };
}
