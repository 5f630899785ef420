/** Who a task runs as: from what a spec says of a user to numbers, by the files first and by `getent` after them. */
import { execFile } from 'node:child_process';
import { HoldfastError } from '../errors.ts';
import { textOf } from './quiet-reads.ts';

/** A user with exactly these groups. */
export interface FoundAccount {
  readonly uid: number;
  readonly gid: number;
  /** All supplementary ones, the user's own among them as initgroups(3) does. */
  readonly groups: readonly number[];
  /** The number for one without an account. */
  readonly name: string;
  readonly home: string;
}

/** Where accounts are looked up. */
export interface AccountSources {
  /** Text of passwd(5) and group(5). */
  readonly passwd: () => string;
  readonly group: () => string;
  /** `getent DATABASE KEY`: lines of what other sources of the machine know; empty for nothing. */
  readonly getent: (database: 'passwd' | 'group' | 'initgroups', key: string) => Promise<string>;
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** The kernel's numbers end here; the very last means "unchanged" to it. */
const LARGEST_ID = 4_294_967_294;
const GETENT_LIMIT_MS = 5_000;

/**
 * `NAME`, `UID`, `NAME:GROUP` or `UID:GID`, each part a name or a number; a name comes first, as chown(1) does it. A
 * number without an account is somebody all the same when its group is said. With a group, it is the only one, as in
 * Docker. Errors: START_FAILED for who is not known, START_RETRYABLE when nobody could be asked.
 */
export async function findAccount(
  text: string,
  sources: AccountSources = machineSources,
): Promise<FoundAccount> {
  const [who = '', group] = text.split(':');
  const user = await findUser(who, sources);
  if (group === undefined) {
    if (user !== undefined) return { ...user, groups: await groupsOf(user, sources) };
    if (numberOf(who) === undefined) throw unknown(`user "${who}" is not known on this machine`);
    throw unknown(`user ${who} has no account: say its group too, as in "${who}:${who}"`);
  }
  const gid = await findGroup(group, sources);
  if (gid === undefined) throw unknown(`group "${group}" is not known on this machine`);
  if (user !== undefined) return { ...user, gid, groups: [gid] };
  const uid = numberOf(who);
  if (uid === undefined) throw unknown(`user "${who}" is not known on this machine`);
  return { uid, gid, groups: [gid], name: who, home: '/' };
}

/** The number of a group by its name or number. Throws USAGE for one that this machine does not know. */
export async function groupId(which: string, sources = machineSources): Promise<number> {
  const gid = await findGroup(which, sources);
  if (gid !== undefined) return gid;
  throw new HoldfastError('USAGE', `group "${which}" is not known on this machine`);
}

async function findUser(
  who: string,
  { passwd, getent }: AccountSources,
): Promise<User | undefined> {
  const find = (text: string): User | undefined => {
    const users = lines(text)
      .map(parseUser)
      .filter((user) => user !== undefined);
    return users.find(({ name }) => name === who) ?? users.find(({ uid }) => uid === numberOf(who));
  };
  return find(passwd()) ?? find(await getent('passwd', who));
}

function parseUser(fields: readonly string[]): User | undefined {
  const [name = '', , uid = '', gid = '', , home = ''] = fields;
  const [user, group] = [numberOf(uid), numberOf(gid)];
  if (name === '' || user === undefined || group === undefined) return undefined;
  return { name, uid: user, gid: group, home: home === '' ? '/' : home };
}

async function findGroup(
  which: string,
  { group, getent }: AccountSources,
): Promise<number | undefined> {
  const find = (text: string): number | undefined => {
    const found = lines(text).find(([name]) => name === which);
    return numberOf(found?.[2] ?? '');
  };
  return find(group()) ?? numberOf(which) ?? find(await getent('group', which));
}

/** Of the files for a user of the files; of everything that the machine asks for another one. */
async function groupsOf({ name, gid }: User, sources: AccountSources): Promise<readonly number[]> {
  const groups = new Set([gid]);
  const add = (value: number | undefined): void => void (value !== undefined && groups.add(value));
  for (const [, , number = '', members = ''] of lines(sources.group())) {
    if (members.split(',').includes(name)) add(numberOf(number));
  }
  const isOfFiles = lines(sources.passwd()).some(([one]) => one === name);
  if (!isOfFiles) {
    // "name  gid gid …"
    const [, ...numbers] = (await sources.getent('initgroups', name)).trim().split(/\s+/);
    for (const number of numbers) add(numberOf(number));
  }
  return [...groups];
}

function lines(text: string): readonly (readonly string[])[] {
  return text.split('\n').map((line) => line.split(':'));
}

function numberOf(text: string): number | undefined {
  const value = Number(text);
  return /^\d{1,10}$/.test(text) && value <= LARGEST_ID ? value : undefined;
}

function unknown(message: string): HoldfastError {
  return new HoldfastError('START_FAILED', message);
}

/** A machine without the files has no such accounts. */
const machineSources: AccountSources = {
  passwd: () => textOf('/etc/passwd'),
  group: () => textOf('/etc/group'),
  getent: askMachine,
};

/** getent(1) exits with 2 for what nobody knows; a machine without it knows nothing more. */
function askMachine(database: string, key: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // A key that began with a dash would be an option.
    const options = { timeout: GETENT_LIMIT_MS, env: { PATH: '/usr/bin:/bin' } };
    execFile('/usr/bin/getent', ['--', database, key], options, (error, output) => {
      if (error === null) return resolve(output);
      if (error.killed !== true) return resolve('');
      const message = `the machine's accounts could not be asked for "${key}" in time`;
      reject(new HoldfastError('START_RETRYABLE', message));
    });
  });
}
