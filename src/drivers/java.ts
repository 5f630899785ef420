/** `java`: a jar or a class in a process isolated as those of `exec` are. Needs what that needs, and Java. */
import { messageOf } from '../errors.ts';
import type { Driver, Fingerprint } from './driver.ts';
import { isolatedDriver, type IsolationOptions, whyNotIsolated } from './isolated-driver.ts';
import { readJavaConfig } from './java-config.ts';
import { findJava, javaRuntime } from './java-runtime.ts';

/** What the operator of an agent decides for all tasks. */
export interface JavaDriverOptions extends IsolationOptions {
  /** Absolute path, also inside: what is not below `chrootEnv` is not there. Left out: the first of the PATH. */
  readonly javaPath?: string;
}

/** Throws USAGE for ranges that make no sense. */
export function java(options: JavaDriverOptions = {}): Driver {
  const path = (): string | undefined =>
    options.javaPath ?? findJava(process.env['PATH'] ?? DEFAULT_PATH);
  return {
    ...isolatedDriver(
      {
        name: 'java',
        fingerprint: () => fingerprint(path()),
        read: (config) => readJavaConfig(config, path() ?? 'java'),
      },
      options,
    ),
    // A virtual machine is started for it.
    firstPrint: 'later',
  };
}

const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

async function fingerprint(path: string | undefined): Promise<Fingerprint> {
  const obstacle = await whyNotIsolated();
  if (obstacle !== undefined) return nothing('undetected', obstacle);
  if (path === undefined) return nothing('undetected', 'java was not found in the PATH');
  try {
    const { version, runtime, vm } = await javaRuntime(path);
    const attributes = {
      'driver.java': '1',
      'driver.java.version': version,
      'driver.java.runtime': runtime,
      'driver.java.vm': vm,
    };
    return { health: 'healthy', message: 'Healthy', attributes };
  } catch (error) {
    return nothing('unhealthy', messageOf(error));
  }
}

function nothing(health: 'undetected' | 'unhealthy', message: string): Fingerprint {
  return { health, message, attributes: {} };
}
