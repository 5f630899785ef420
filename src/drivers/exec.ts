/** `exec`: a process with its own root, pids, ipc and capabilities, as in Nomad. Needs root, runc and conmon. */
import type { Driver, Fingerprint } from './driver.ts';
import { readExecConfig } from './exec-config.ts';
import { isolatedDriver, type IsolationOptions, whyNotIsolated } from './isolated-driver.ts';

/** What the operator of an agent decides for all tasks. */
export type ExecDriverOptions = IsolationOptions;

/** Throws USAGE for ranges that make no sense. */
export function exec(options: ExecDriverOptions = {}): Driver {
  return isolatedDriver({ name: 'exec', fingerprint, read: readExecConfig }, options);
}

async function fingerprint(): Promise<Fingerprint> {
  const obstacle = await whyNotIsolated();
  if (obstacle !== undefined) return { health: 'undetected', message: obstacle, attributes: {} };
  return { health: 'healthy', message: 'Healthy', attributes: { 'driver.exec': '1' } };
}
