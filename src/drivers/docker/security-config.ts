/** What a container may do, and what of the machine it shares; and whether the operator lets it. */
import { HoldfastError } from '../../errors.ts';
import { nameMatcher } from '../../spec/name-globs.ts';
import { readCapabilities } from '../capabilities.ts';
import type { ConfigReading } from '../config-reading.ts';
import type { DockerOptions, NamespaceKind } from './options.ts';

export interface SecurityConfig {
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  readonly readonlyRootfs: boolean;
  readonly groupAdd: readonly string[];
  readonly runtime: string | undefined;
  readonly pidMode: string | undefined;
  readonly ipcMode: string | undefined;
  readonly utsMode: string | undefined;
  readonly usernsMode: string | undefined;
  readonly cgroupns: 'private' | 'host' | undefined;
}

export function readSecurity(reading: ConfigReading): SecurityConfig {
  const mode = (name: string): string | undefined => reading.text(name, 'such as "host"');
  return {
    privileged: reading.isOn('privileged'),
    capAdd: readCapabilities(reading, 'capAdd'),
    capDrop: readCapabilities(reading, 'capDrop'),
    securityOpt: reading.texts('securityOpt'),
    readonlyRootfs: reading.isOn('readonlyRootfs'),
    groupAdd: reading.texts('groupAdd'),
    runtime: reading.text('runtime', 'the name of a runtime of the engine'),
    pidMode: mode('pidMode'),
    ipcMode: mode('ipcMode'),
    utsMode: mode('utsMode'),
    usernsMode: mode('usernsMode'),
    cgroupns: reading.oneOf('cgroupns', ['private', 'host']),
  };
}

/** Throws DRIVER_CONFIG_INVALID with what the operator of this agent does not allow, each by its path. */
export function assertSecurityAllowed(config: SecurityConfig, options: DockerOptions): void {
  const issues: { readonly path: string; readonly message: string }[] = [];
  const wrong = (path: string, message: string): void => void issues.push({ path, message });
  if (config.privileged && !options.isPrivilegedAllowed) {
    wrong('privileged', 'is not allowed by this agent (option allowPrivileged)');
  }
  const { runtime } = config;
  if (runtime !== undefined && !options.allowRuntimes.includes(runtime)) {
    wrong('runtime', `is not allowed by this agent (${options.allowRuntimes.join(', ')})`);
  }
  const { pidMode: pid, ipcMode: ipc, usernsMode: userns, utsMode: uts } = config;
  for (const [kind, mode] of Object.entries({ pid, ipc, userns, uts })) {
    const isFree = mode === undefined || mode === 'private' || mode === 'shareable';
    if (isFree || options.isPrivilegedAllowed) continue;
    const allowed = options.allowedModes[kind as NamespaceKind];
    if (nameMatcher(allowed)(mode)) continue;
    wrong(`${kind}Mode`, `of ${mode} is not allowed by this agent (option allowedModes.${kind})`);
  }
  if (config.cgroupns === 'host' && !options.isPrivilegedAllowed) {
    wrong('cgroupns', 'of host is not allowed by this agent (option allowPrivileged)');
  }
  for (const [index, one] of config.securityOpt.entries()) {
    if (!LOOSENING.test(one) || options.isPrivilegedAllowed) continue;
    wrong(`securityOpt[${index}]`, `${one} is not allowed by this agent (option allowPrivileged)`);
  }
  if (issues.length === 0) return;
  const text = issues.map(({ path, message }) => `config.${path} ${message}`).join('; ');
  throw new HoldfastError('DRIVER_CONFIG_INVALID', text, { details: { issues } });
}

/** Takes away what keeps a container apart: as much as privileged does. */
const LOOSENING = /^(?:seccomp|apparmor|systempaths)[=:]unconfined$|^label[=:]disable$/;
