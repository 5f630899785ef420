/** Who programs are: exactly the user and the groups that accounts of all shapes say. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Drill, Findings } from '../faults/drill.ts';

const PLAY = join(import.meta.dirname, 'groups-play.ts');
const EXECUTORS = ['isolated', 'universal'] as const;

/** What is asked and what must come of it: `uid gid groups` with the groups in the order of their numbers. */
export interface Asked {
  readonly executor: (typeof EXECUTORS)[number];
  readonly user: string;
  readonly expected: string;
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

export const groupDrill: Drill = {
  name: 'groups',
  promise: 'programs have exactly the supplementary groups of their user',
  tools: ['runc', 'conmon', 'setpriv', 'unshare', 'mount'],
  privileges: ['root', 'mounting'],
  cases: { share: 8, full: 100 },
  async run(findings, cases) {
    const accounts = Array.from({ length: 12 }, (_one, index) => accountOf(findings, index));
    const asked = Array.from({ length: cases }, (_one, index) =>
      askedOf(findings, accounts, index),
    );
    const wrong = asked.map((one) => ({ ...one, expected: `${one.expected} 7` })).slice(0, 1);
    const got = play(accounts, [...asked, ...wrong]);
    for (const [index, one] of asked.entries()) {
      findings.count(one.executor);
      const text = got[index] ?? 'nothing';
      if (text !== one.expected) findings.fail(JSON.stringify(one), `is ${text}`);
    }
    const control = wrong[0]?.expected === got[cases];
    findings.control('one group more than there is', !control, `is ${got[cases]}`);
  },
};

function accountOf(findings: Findings, index: number): Account {
  const uid = 70_000 + index;
  const groups = Array.from({ length: findings.between(0, 40) }, () =>
    findings.between(71_000, 71_060),
  );
  const gid = findings.between(71_000, 71_060);
  return {
    name: `drill${index}`,
    uid,
    gid,
    groups: [...new Set([gid, ...groups])].toSorted(byNumber),
  };
}

function askedOf(findings: Findings, accounts: readonly Account[], index: number): Asked {
  const executor = EXECUTORS[index % 2] as Asked['executor'];
  const { name, uid, gid, groups } = findings.pick(accounts);
  const other = findings.between(71_000, 71_060);
  const all = `${uid} ${gid} ${groups.join(' ')}`;
  const one = `${uid} ${other} ${other}`;
  const [user, expected] = findings.pick([
    [name, all],
    [String(uid), all],
    [`${name}:g${other}`, one],
    [`${uid}:${other}`, one],
    [`88888:${other}`, `88888 ${other} ${other}`],
  ] as const);
  return { executor, user, expected };
}

/** In a mount namespace in which these accounts are all the accounts of the machine. */
function play(accounts: readonly Account[], asked: readonly Asked[]): readonly string[] {
  const dir = mkdtempSync(join(tmpdir(), 'hf-accounts-'));
  const user = ({ name, uid, gid }: Account): string => `${name}:x:${uid}:${gid}::/:/bin/sh\n`;
  const numbers = Array.from({ length: 60 }, (_one, index) => 71_000 + index);
  const members = (gid: number): string =>
    accounts.flatMap(({ name, groups }) => (groups.includes(gid) ? [name] : [])).join(',');
  try {
    const root = 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n';
    writeFileSync(join(dir, 'passwd'), root + accounts.map(user).join(''));
    const groups = numbers.map((gid) => `g${gid}:x:${gid}:${members(gid)}\n`).join('');
    writeFileSync(join(dir, 'group'), `root:x:0:\nnogroup:x:65534:\n${groups}`);
    const mounts = ['passwd', 'group'].map((name) => `mount --bind "$0/${name}" /etc/${name}`);
    const script = `${mounts.join(' && ')} && exec "$@"`;
    const args = ['--mount', '--propagation', 'private', 'sh', '-c', script, dir];
    const command = [process.execPath, PLAY];
    const input = JSON.stringify(asked);
    const text = execFileSync('unshare', [...args, ...command], { encoding: 'utf8', input });
    return JSON.parse(text) as string[];
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function byNumber(left: number, right: number): number {
  return left - right;
}
