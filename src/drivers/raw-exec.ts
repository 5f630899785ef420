/** `raw_exec`: a process on the host, with no isolation but what is asked for. Opt-in, as in Nomad. */
import { isAbsolute, join } from 'node:path';
import { findAccount } from '../os/accounts.ts';
import { requireCapability } from '../os/machine-capabilities.ts';
import { ownCapabilities } from '../os/own-capabilities.ts';
import { capabilityName, readCapabilities } from './capabilities.ts';
import { ConfigReading } from './config-reading.ts';
import {
  assertOneNetwork,
  confine,
  personalEnv,
  type ProcessSettings,
  readProcessSettings,
} from './confine.ts';
import type { Account, Confinement } from './confinement.ts';
import { assertAllowed, type DeniedIdOptions, type DeniedIds, deniedIds } from './denied-ids.ts';
import type { Driver, ProgramWish, RunRequest } from './driver.ts';
import { findCommand } from './find-command.ts';
import { processDriver } from './process-driver.ts';

/** What the operator of an agent decides for all tasks. */
export interface RawExecOptions extends DeniedIdOptions {
  /** Names of variables that no program gets; `*` stands for any characters. */
  readonly deniedEnv?: readonly string[];
}

interface RawExecConfig extends ProcessSettings {
  readonly command: string;
  readonly args: readonly string[];
  /** Relative to the task's directory, which is the default. */
  readonly workDir: string | undefined;
  readonly deniedEnv: readonly string[];
  readonly capDrop: readonly string[];
}

/** Throws USAGE for ranges that make no sense. */
export function rawExec(options: RawExecOptions = {}): Driver {
  const denied = deniedIds(options);
  return {
    ...processDriver({
      name: 'raw_exec',
      fingerprint: () =>
        Promise.resolve({
          health: 'healthy',
          message: 'Healthy',
          attributes: { 'driver.raw_exec': '1' },
        }),
      checkConfig: (config) => void readConfig(config),
      program: (run) => programOf(run, options, denied),
    }),
    userOf: ({ user }) => user,
    networks: 'group',
    checkTask: (task) => assertOneNetwork(task, readConfig(task.config)),
    async ownEnv(task) {
      const deniedEnv = [...readConfig(task.config).deniedEnv, ...(options.deniedEnv ?? [])];
      if (task.user === undefined) return { deniedEnv };
      return { env: personalEnv(await findAccount(task.user), task), deniedEnv };
    },
  };
}

async function programOf(
  run: RunRequest,
  options: RawExecOptions,
  denied: DeniedIds,
): Promise<ProgramWish> {
  const { task, dirs, env } = run;
  const config = readConfig(task.config);
  const { command, args, workDir = '', capDrop } = config;
  const account = task.user === undefined ? undefined : await findAccount(task.user);
  assertAllowed(account ?? ownAccount(), denied);
  const user = account && (await switchable(account));
  const path = findCommand({ command, taskDir: dirs.task, path: env['PATH'] ?? '' });
  const confinement: Confinement = {
    ...(await confine(run, config, user)),
    ...(capDrop.length > 0 && { capabilities: await capabilitiesBut(capDrop, account) }),
  };
  return {
    command: path,
    args,
    cwd: isAbsolute(workDir) ? workDir : join(dirs.task, workDir),
    confinement,
    ...(account && { env: personalEnv(account, task) }),
    deniedEnv: [...config.deniedEnv, ...(options.deniedEnv ?? [])],
  };
}

/** Undefined for the very user that the agent is, which needs no right. Throws CAPABILITY_MISSING. */
async function switchable(account: Account): Promise<Account | undefined> {
  const own = ownAccount();
  if (own.uid !== 0 && isSame(own, account)) return undefined;
  await requireCapability('switch-user', `user ${account.name}`);
  return account;
}

function isSame(one: Account, other: Account): boolean {
  const groups = (account: Account): string => {
    const gids = [...new Set([account.gid, ...account.groups])];
    return gids.toSorted((one, other) => one - other).join();
  };
  return one.uid === other.uid && one.gid === other.gid && groups(one) === groups(other);
}

function ownAccount(): Account {
  const [uid = 0, gid = 0] = [process.geteuid?.(), process.getegid?.()];
  return { uid, gid, groups: process.getgroups?.() ?? [], name: String(uid), home: '/' };
}

/** What is left to root; whoever else the program is has none. */
async function capabilitiesBut(
  drop: readonly string[],
  account: Account | undefined,
): Promise<readonly string[]> {
  await requireCapability('switch-user', 'capDrop');
  if ((account ?? ownAccount()).uid !== 0) return [];
  const dropped = new Set(drop.map(capabilityName));
  return dropped.has('CAP_ALL') ? [] : ownCapabilities().filter((name) => !dropped.has(name));
}

/** Throws DRIVER_CONFIG_INVALID. */
function readConfig(config: Readonly<Record<string, unknown>>): RawExecConfig {
  const reading = new ConfigReading('raw_exec', config);
  const read = {
    command: reading.required('command', 'a program name or path'),
    args: reading.texts('args'),
    workDir: reading.text('workDir', 'a path'),
    ...readProcessSettings(reading),
    deniedEnv: reading.texts('deniedEnv'),
    capDrop: readCapabilities(reading, 'capDrop'),
  };
  if (reading.oneOf('executor', ['auto', 'universal', 'isolated']) === 'isolated') {
    reading.wrong('executor', 'cannot be isolated: that is driver exec');
  }
  reading.end();
  return read;
}
