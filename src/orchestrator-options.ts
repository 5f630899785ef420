/** What one may ask of an orchestrator, and what each of it must be: who embeds Holdfast need not have types. */
import type { NetworkRules } from './actors/network-supplies.ts';
import type { CgroupWish } from './actors/run-cgroups.ts';
import type { SafeModeLimit } from './actors/safe-mode.ts';
import type { UserRange } from './actors/user-pool.ts';
import type { Driver } from './drivers/driver.ts';
import { HoldfastError } from './errors.ts';
import type { ArtifactRules } from './hooks/artifacts/rules.ts';
import type { Hook } from './hooks/hook.ts';
import type { SecretPlaces, SecretRules } from './hooks/secrets/rules.ts';
import type { TemplateRules } from './hooks/templates/rules.ts';
import {
  isText,
  isObject,
  isRange,
  isPortRange,
  isListOfPorts,
  isAddress,
  isSubnet,
  isObjectOfAddresses,
  isWhole,
  has,
  isListOfTexts,
  isObjectOfTexts,
  isListOf,
} from './option-claims.ts';
import type { DriverPlugin } from './plugin/plugin-driver.ts';
import type { Clock, Logger, Random } from './ports.ts';
import { closest } from './spec/closest.ts';
import type { NodeFacts } from './spec/env-facts.ts';
import type { SinkInput } from './spec/sink-schema.ts';

export interface OrchestratorOptions {
  /** Made if needed. Refused with DATA_DIR_REFUSED when others can write it or its socket paths would be too long. */
  readonly dataDir: string;
  /** None by default: a library runs what it was told to. */
  readonly drivers?: readonly Driver[];
  /**
   * Drivers in processes and packages of their own: each entry file calls `serveDriver`, is run by the Node of this
   * process and started again when it ends. What their tasks run is not touched by that.
   */
  readonly driverPlugins?: readonly DriverPlugin[];
  /** Run after the built-in ones, in this order. */
  readonly hooks?: readonly Hook[];
  /** Silent by default. */
  readonly logger?: Logger;
  /** What closing (and `await using`) does with running tasks. Default 'stop'. A crash always leaves them. */
  readonly onClose?: 'stop' | 'leave';
  /** Tasks that one host process serves at most. Default 256; 1 gives every task processes of its own. */
  readonly tasksPerHost?: number;
  /** No task gets longer than this to end by itself. Default 30,000. */
  readonly maxKillTimeoutMs?: number;
  /** Nothing is started while less than this is free on the disk of the data directory. Default 64 MiB. */
  readonly diskFloorBytes?: number;
  readonly retention?: {
    /** Allocs that have ended and are kept, with their events and files; the oldest go first. Default 10,000. */
    readonly keepFinishedAllocs?: number;
    /** Those that ended longer ago go, too. Left out: however long. */
    readonly keepFinishedForMs?: number;
    /**
     * While the file system of the data directory is used beyond this, the oldest that ended go, but for the last ten
     * minutes; in percent, of its room and of its inodes. Default 80 and 70, as in Nomad; 100: never.
     */
    readonly maxDiskPercent?: number;
    readonly maxInodePercent?: number;
  };
  readonly logs?: {
    /** What the output of all tasks may take up. Default 5 GiB or a tenth of the disk, the lesser; 0: no limit. */
    readonly budgetBytes?: number;
  };
  /** When agents died more often than this, nothing is started for as long. Default 5 within 60 s. */
  readonly safeMode?: SafeModeLimit | 'off';
  /** 'off': processes of runs are told apart by marks and sessions only, and nothing is limited. Default 'auto'. */
  readonly cgroups?: CgroupWish;
  /** What tasks are told of this machine, and may ask for by `${node.…}`. Attributes are looked up beside these. */
  readonly node?: Omit<NodeFacts, 'parentCgroup'>;
  /** Variables of this process that no task gets, beside Nomad's list; `*` stands for any characters. */
  readonly deniedHostEnv?: readonly string[];
  /** What specs may ask for of what is fetched; the defaults are in `hooks/artifacts/rules.ts`. */
  readonly artifacts?: Partial<ArtifactRules>;
  /** What of this machine tasks may have as secrets, and where they are kept. Nothing may be had by default. */
  readonly secrets?: Partial<SecretRules> & SecretPlaces;
  /** What templates may ask for beside variables and secrets. Nothing by default. */
  readonly templates?: Partial<TemplateRules>;
  /** Numbers for tasks that ask for a user of their own; both are in it. Default 80,000 to 89,999, as in Nomad. */
  readonly dynamicUsers?: UserRange;
  /** Ports that groups may have, and addresses that they may ask for. */
  readonly network?: NetworkRules;
  /** Where events are sent: webhooks, files, NATS. `docs/guide/sinks.md` has the keys. */
  readonly sinks?: readonly SinkInput[];
  readonly clock?: Clock;
  readonly random?: Random;
}

type Table = Readonly<Record<string, readonly [claim: string, holds: (value: unknown) => boolean]>>;

/** By hand: the library for it would take longer to load than everything else that an opening needs. */
const OPTIONS: Required<{ readonly [K in keyof OrchestratorOptions]: Table[string] }> = {
  dataDir: ['a path', (value) => typeof value === 'string' && value !== ''],
  drivers: ['a list of drivers', (value) => isListOf(value, 'name', 'start')],
  driverPlugins: ['a list of names and paths', (value) => isListOf(value, 'name', 'path')],
  hooks: ['a list of hooks', (value) => isListOf(value, 'name')],
  logger: ['debug, info, warn and error', (value) => has(value, 'debug', 'info', 'warn', 'error')],
  onClose: ["'stop' or 'leave'", (value) => value === 'stop' || value === 'leave'],
  tasksPerHost: ['a whole number from 1 on', (value) => isWhole(value, 1)],
  maxKillTimeoutMs: ['milliseconds, 0 or more', (value) => isWhole(value, 0)],
  diskFloorBytes: ['bytes, 0 or more', (value) => isWhole(value, 0)],
  retention: ['an object', isObject],
  logs: ['an object', isObject],
  safeMode: ["'off' or an object", (value) => value === 'off' || isObject(value)],
  cgroups: ["'auto' or 'off'", (value) => value === 'auto' || value === 'off'],
  node: ['an object', isObject],
  deniedHostEnv: ['a list of names', (value) => isListOfTexts(value)],
  artifacts: ['an object', isObject],
  secrets: ['an object', isObject],
  templates: ['an object', isObject],
  dynamicUsers: ['from and to, with at least one number', isRange],
  network: ['an object', isObject],
  sinks: ['a list of sinks', (value) => isListOf(value, 'name', 'type')],
  clock: ['now, steady and at', (value) => has(value, 'now', 'steady', 'at')],
  random: ['fraction and hex', (value) => has(value, 'fraction', 'hex')],
};
const RETENTION: Table = {
  keepFinishedAllocs: ['a whole number, 0 or more', (value) => isWhole(value, 0)],
  keepFinishedForMs: ['milliseconds, 0 or more', (value) => isWhole(value, 0)],
  maxDiskPercent: ['1 to 100', (value) => isWhole(value, 1) && (value as number) <= 100],
  maxInodePercent: ['1 to 100', (value) => isWhole(value, 1) && (value as number) <= 100],
};
const NODE: Table = {
  id: ['a text', isText],
  name: ['a text', isText],
  datacenter: ['a text', isText],
  region: ['a text', isText],
  class: ['a text', isText],
  pool: ['a text', isText],
  meta: ['texts by name', isObjectOfTexts],
  attributes: ['texts by name', isObjectOfTexts],
  coreMhz: ['a whole number from 1 on', (value) => isWhole(value, 1)],
};
const LOGS: Table = { budgetBytes: ['bytes, 0 or more', (value) => isWhole(value, 0)] };
const ARTIFACTS: Table = {
  maxBytes: ['bytes, 1 or more', (value) => isWhole(value, 1)],
  maxEntries: ['a whole number from 1 on', (value) => isWhole(value, 1)],
  maxRatio: ['a whole number from 1 on', (value) => isWhole(value, 1)],
  timeoutMs: ['milliseconds, 1 or more', (value) => isWhole(value, 1)],
  idleTimeoutMs: ['milliseconds, 1 or more', (value) => isWhole(value, 1)],
  isInsecureAllowed: ['true or false', (value) => typeof value === 'boolean'],
  fileRoots: ['a list of paths', (value) => isListOfTexts(value)],
};
const SECRETS: Table = {
  env: ['a list of names', (value) => isListOfTexts(value)],
  fileRoots: ['a list of paths', (value) => isListOfTexts(value)],
  commands: ['a list of paths', (value) => isListOfTexts(value)],
  inMemory: ["'auto' or 'off'", (value) => value === 'auto' || value === 'off'],
  sizeMb: ['MiB, 1 or more', (value) => isWhole(value, 1)],
};
const NETWORK: Table = {
  dynamicPorts: ['from and to, ports from 1 to 65535', isPortRange],
  reservedPorts: ['a list of ports from 1 to 65535', isListOfPorts],
  hostNetworks: ['addresses by name', isObjectOfAddresses],
  hostIp: ['an IP address', isAddress],
  cniPath: ['a list of paths', (value) => isListOfTexts(value)],
  cniConfigDirs: ['a list of paths', (value) => isListOfTexts(value)],
  bridge: ['an object', isObject],
};
const TEMPLATES: Table = {
  fileRoots: ['a list of paths', (value) => isListOfTexts(value)],
  keys: ['a path or get', (value) => isText(value) || has(value, 'get')],
};
const BRIDGE: Table = {
  name: [
    'a name of 1 to 15 letters, digits, ".", "_" or "-"',
    (value) => typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(value),
  ],
  subnet: ['IPv4 with its prefix, such as 172.26.96.0/20', isSubnet],
};
const SAFE_MODE: Table = {
  starts: ['a whole number from 1 on', (value) => isWhole(value, 1)],
  withinMs: ['milliseconds, 1 or more', (value) => isWhole(value, 1)],
};

/** Throws USAGE with the name of the first option that is wrong. One that is undefined is one that was left out. */
export function checkOptions(options: unknown): void {
  if (!isObject(options)) throw wrong('the options', 'an object', options);
  if (options['dataDir'] === undefined) throw wrong('dataDir', OPTIONS.dataDir[0], undefined);
  check(options, OPTIONS, '');
  const { artifacts, secrets, templates, network, retention, logs, node, safeMode } = options;
  if (isObject(artifacts)) check(artifacts, ARTIFACTS, 'artifacts.');
  if (isObject(secrets)) check(secrets, SECRETS, 'secrets.');
  if (isObject(templates)) check(templates, TEMPLATES, 'templates.');
  if (isObject(network)) {
    check(network, NETWORK, 'network.');
    if (isObject(network['bridge'])) check(network['bridge'], BRIDGE, 'network.bridge.');
  }
  if (isObject(node)) check(node, NODE, 'node.');
  if (isObject(retention)) check(retention, RETENTION, 'retention.');
  if (isObject(logs)) check(logs, LOGS, 'logs.');
  if (!isObject(safeMode)) return;
  // Half a limit is none.
  check({ starts: null, withinMs: null, ...safeMode }, SAFE_MODE, 'safeMode.');
}

function check(options: Readonly<Record<string, unknown>>, table: Table, prefix: string): void {
  for (const [name, value] of Object.entries(options)) {
    const known = Object.hasOwn(table, name) ? table[name] : undefined;
    if (known === undefined) throw unknown(name, table, prefix);
    const [claim, holds] = known;
    if (value !== undefined && !holds(value)) throw wrong(`${prefix}${name}`, claim, value);
  }
}

function unknown(name: string, table: Table, prefix: string): HoldfastError {
  const names = Object.keys(table);
  const near = closest(name, names);
  const hint = near === undefined ? `There are: ${names.join(', ')}` : `Did you mean ${near}?`;
  const details = { option: `${prefix}${name}` };
  return new HoldfastError('USAGE', `there is no option ${prefix}${name}. ${hint}`, { details });
}

function wrong(option: string, claim: string, value: unknown): HoldfastError {
  const given = typeof value === 'number' || typeof value === 'string' ? value : typeof value;
  const text = `${option} must be ${claim}, not ${value === null ? 'null' : given}`;
  return new HoldfastError('USAGE', text, { details: { option } });
}
