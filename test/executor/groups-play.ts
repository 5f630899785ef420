/** Runs one task for each thing that is asked on stdin, and prints who each was, as one line of JSON. */
import { readFileSync } from 'node:fs';
import { ExecRig } from '../drivers/exec-rig.ts';
import type { Asked } from './groups.ts';
import { inTurns } from './in-turns.ts';

const SCRIPT = `while read -r name values; do
    case $name in Uid:|Gid:) set -- $values; printf '%s ' "$1";; Groups:) printf '%s\\n' "$values";; esac
  done </proc/self/status`;
const TOGETHER = 4;

const asked = JSON.parse(readFileSync(0, 'utf8')) as Asked[];
const got: string[] = [];
const rig = new ExecRig();
try {
  await inTurns(asked.length, TOGETHER, async (index) => {
    const { executor, user } = asked[index] as Asked;
    const { stdout, view } = await rig.ran(SCRIPT, { user, config: { executor } });
    const [uid, gid, ...groups] = stdout.trim().split(/\s+/).map(Number);
    const sorted = groups.toSorted((left, right) => left - right);
    got[index] = stdout === '' ? view.reason : [uid, gid, ...sorted].join(' ');
  });
} finally {
  await rig.end();
}
process.stdout.write(JSON.stringify(got));
