/** The drivers of an agent, and what they said of themselves. */
import { HoldfastError } from '../errors.ts';
import type { DirectoryOwner } from '../hooks/hook.ts';
import { findAccount } from '../os/accounts.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import type { Driver, Fingerprint } from './driver.ts';

export class DriverRegistry {
  readonly #drivers = new Map<string, Driver>();
  readonly #prints = new Map<string, Fingerprint>();

  /** Throws USAGE for two drivers of one name. */
  constructor(drivers: readonly Driver[]) {
    for (const driver of drivers) {
      if (this.#drivers.has(driver.name)) {
        throw new HoldfastError('USAGE', `two drivers are named ${driver.name}`);
      }
      this.#drivers.set(driver.name, driver);
    }
  }

  get names(): readonly string[] {
    return [...this.#drivers.keys()];
  }

  fingerprintOf(name: string): Fingerprint | undefined {
    return this.#prints.get(name);
  }

  /** What the driver says of itself now. */
  note(name: string, print: Fingerprint): void {
    this.#prints.set(name, print);
  }

  find(name: string): Driver | undefined {
    return this.#drivers.get(name);
  }

  /** Errors: DRIVER_UNKNOWN. */
  get(name: string): Driver {
    const driver = this.#drivers.get(name);
    if (driver !== undefined) return driver;
    const known = this.names.length === 0 ? 'none' : this.names.join(', ');
    throw new HoldfastError(
      'DRIVER_UNKNOWN',
      `driver "${name}" is not known here (known: ${known})`,
      {
        details: { driver: name, known: this.names },
      },
    );
  }

  /** What a task's program finds at `/`. A driver that is not known starts nothing. */
  rootOf(task: TaskSpec): 'machine' | 'task' {
    return this.find(task.driver)?.rootOf?.(task) ?? 'machine';
  }

  /** Whom the task's directories belong to. Only root can give them away. Errors: START_FAILED, START_RETRYABLE. */
  async ownerOf(task: TaskSpec): Promise<DirectoryOwner | undefined> {
    const user = await this.find(task.driver)?.userOf?.(task);
    if (user === undefined || process.geteuid?.() !== 0) return undefined;
    const { uid, gid } = await findAccount(user);
    return { uid, gid, hasTaskDir: this.rootOf(task) === 'machine' };
  }

  /**
   * `check` for something new: one that has not answered yet may be waited for, one that cannot work is not.
   * Errors: those of `check`, DRIVER_UNHEALTHY.
   */
  async accept(task: TaskSpec): Promise<void> {
    this.get(task.driver);
    const print = this.#prints.get(task.driver);
    if (print !== undefined && print.health !== 'healthy') {
      throw new HoldfastError('DRIVER_UNHEALTHY', `driver ${task.driver}: ${print.message}`);
    }
    await this.check(task);
  }

  /** Errors: DRIVER_UNKNOWN, DRIVER_CONFIG_INVALID, CAPABILITY_MISSING. */
  async check(task: TaskSpec): Promise<void> {
    const driver = this.get(task.driver);
    await driver.checkConfig(task.config);
    if ((task.mounts ?? []).length > 0 && driver.mounts !== 'all') {
      const text = `task ${task.name}: driver ${driver.name} has no volumes and mounts`;
      throw new HoldfastError('CAPABILITY_MISSING', text);
    }
    assertNetwork(driver, task);
    await driver.checkTask?.(task);
  }
}

/** Errors: CAPABILITY_MISSING. */
function assertNetwork(driver: Driver, task: TaskSpec): void {
  if (task.network === undefined) return;
  const { mode, hostname, dns } = task.network;
  const refuse = (text: string): never => {
    throw new HoldfastError('CAPABILITY_MISSING', `task ${task.name}: ${text}`);
  };
  if (mode !== 'host' && driver.networks !== 'group') {
    refuse(`driver ${driver.name} has no networks of groups, such as ${mode}`);
  }
  const isOwnRoot = driver.rootOf?.(task) === 'task';
  if (isOwnRoot || (hostname === undefined && dns === undefined)) return;
  const what = dns === undefined ? 'network.hostname' : 'network.dns';
  refuse(`${what} is for isolated tasks, and it sees the files of the machine itself`);
}
