/** What can be said of a task before it starts, without asking the engine. */
import { HoldfastError } from '../../errors.ts';
import type { TaskSpec } from '../../spec/task-spec.ts';
import { taskCapabilities } from '../capabilities.ts';
import { CAPABILITY_BITS, ownCapabilities } from '../../os/own-capabilities.ts';
import type { DockerConfig } from './config.ts';
import type { DockerOptions } from './options.ts';
import { assertSecurityAllowed } from './security-config.ts';

/** Throws DRIVER_CONFIG_INVALID, or CAPABILITY_MISSING. */
export function checkDockerConfig(config: DockerConfig, options: DockerOptions): void {
  assertSecurityAllowed(config, options);
  if (!config.privileged) containerCapabilities(config, options);
  const { pidsLimit: most } = options;
  const { pidsLimit: asked = 0 } = config;
  if (most !== undefined && (asked > most || asked < 0)) {
    throw invalid('pidsLimit', `must be at most ${most} on this agent`);
  }
}

/** Throws DRIVER_CONFIG_INVALID for a task that is to be in two networks. */
export function checkDockerTask(task: TaskSpec, { networkMode }: DockerConfig): void {
  const mode = task.network?.mode ?? 'host';
  if (networkMode === undefined || mode === 'host') return;
  const text = `names a network, and the group of task ${task.name} has one of its own (${mode})`;
  throw invalid('networkMode', text);
}

/** An engine on this machine hands on what this machine has; of another one nobody knows. */
export function containerCapabilities(
  { capAdd: add, capDrop: drop }: DockerConfig,
  { allowCaps, endpoint }: DockerOptions,
): readonly string[] {
  const isLocal = endpoint.startsWith('unix:');
  const own = isLocal ? ownCapabilities() : CAPABILITY_BITS;
  return taskCapabilities({ allow: allowCaps, add, drop, own });
}

function invalid(path: string, message: string): HoldfastError {
  const details = { issues: [{ path, message }] };
  return new HoldfastError('DRIVER_CONFIG_INVALID', `config.${path} ${message}`, { details });
}
