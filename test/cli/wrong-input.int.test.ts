/** Wrong input of every kind: one clear line, the documented exit status, nothing half-made left behind. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectOrchestrator } from '../../src/client/connect-orchestrator.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let dir: string;
let dataDir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-wrong-'));
  dataDir = join(dir, 'data');
});
afterEach(async () => {
  await endAgent();
  rmSync(dir, { recursive: true, force: true });
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
function holdfast(args: readonly string[], options: { uid?: number } = {}): Ended {
  return spawnSync(bin, args, {
    encoding: 'utf8',
    env: { ...process.env, HOLDFAST_DATA_DIR: dataDir },
    timeout: 50_000,
    ...options,
  });
}
function file(content: string, name = 'group.yaml'): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}
/** The agent that a `run` of this test started ends with the test. */
async function endAgent(): Promise<void> {
  const agent = await connectOrchestrator({ dataDir }).catch(() => undefined);
  await agent?.close({ tasks: 'stop' });
  await agent?.close();
}
/** One line on stderr, nothing on stdout, no trace of a data directory. */
function expectRefusal(ended: Ended, status: number, line: string | RegExp): void {
  expect(ended.stderr.replaceAll(`${dir}/`, '')).toMatch(line);
  expect(ended.stderr.match(/\n/g)).toHaveLength(1);
  expect([ended.status, ended.stdout]).toEqual([status, '']);
}

const GROUP = 'name: web\ntype: batch\ntasks:\n  - name: api\n    driver: raw_exec\n';

describe('a wrong group file', () => {
  afterEach(() => {
    expect(existsSync(dataDir)).toBe(false);
  });

  it('that is missing is not found', () => {
    expectRefusal(
      holdfast(['run', join(dir, 'no.yaml')]),
      3,
      /^holdfast: no\.yaml: there is no such file$/m,
    );
  });

  it('that is not YAML is named with line and column', () => {
    const path = file('name: web\ntasks: [\n');
    expectRefusal(holdfast(['run', path]), 6, /^group\.yaml:\d:\d+ {2}is not YAML: /);
  });

  it('with an unknown key is named with line, column and the key that was meant', () => {
    const path = file(`${GROUP}    killTimout: 5s\n`);
    const line =
      /^group\.yaml:6:5 {2}tasks\[0\]\.killTimout is not a known key\. Did you mean killTimeout\?$/m;
    expectRefusal(holdfast(['run', path]), 6, line);
  });

  it('with a bare number as a duration is named with line and column', () => {
    const path = file(`${GROUP}    killTimeout: 90\n`);
    const line = /^group\.yaml:6:18 {2}tasks\[0\]\.killTimeout must be a duration with a unit/;
    expectRefusal(holdfast(['run', path]), 6, line);
  });

  it('with an unknown driver starts no agent', () => {
    const path = file(GROUP.replace('raw_exec', 'raw_exek'));
    const line =
      /^holdfast: group\.yaml: task api wants the driver "raw_exek"\. There are: .*raw_exec/;
    expectRefusal(holdfast(['run', path]), 6, line);
  });

  it('with settings that its driver refuses starts no agent', () => {
    const line =
      /^holdfast: group\.yaml: task api: config\.command is required by driver raw_exec$/m;
    expectRefusal(holdfast(['run', file(GROUP)]), 6, line);
  });

  it('on standard input is called stdin', () => {
    const { status, stderr } = spawnSync(bin, ['run', '-'], {
      input: 'name: 3\ntasks: [{ name: a, driver: b }]\n',
      encoding: 'utf8',
    });
    expect(status).toBe(6);
    expect(stderr).toMatch(/^stdin:1:7 {2}name must be text, not the number 3/);
  });
});

describe('a wrong data directory', () => {
  const commands = [['ps'], ['agent'], ['run']] as const;
  const argsOf = ([name]: readonly [string]): string[] =>
    name === 'run' ? [name, file(`${GROUP}    config: { command: 'true' }\n`)] : [name];

  it.each(commands)('that others can write is refused by %s', (...command) => {
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o777);
    const line = /others can write the data directory .*: chmod go-w /;
    expectRefusal(holdfast(argsOf(command)), 8, line);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it.each(commands)('with a path too long for a socket is refused by %s', (...command) => {
    dataDir = join(dir, 'x'.repeat(100));
    expectRefusal(holdfast(argsOf(command)), 8, /is \d+ bytes long and at most 74 work/);
    expect(existsSync(dataDir)).toBe(false);
  });

  it.each(commands)('of the kernel is refused by %s', (...command) => {
    dataDir = '/proc/hf';
    expectRefusal(holdfast(argsOf(command)), 8, /is in \/proc, where the kernel keeps its own/);
  });

  it.each(commands)('that is a file is refused by %s', (...command) => {
    writeFileSync(dataDir, '');
    expectRefusal(holdfast(argsOf(command)), 8, /data is not a directory/);
  });

  it.skipIf(!isRoot).each(commands)('that cannot be read is refused by %s', (...command) => {
    chmodSync(dir, 0o755);
    mkdirSync(dataDir, { mode: 0o700 });
    const ended = holdfast(argsOf(command), { uid: NOBODY });
    expectRefusal(ended, 8, /the data directory data belongs to user 0 and you are user 65534/);
  });

  it.skipIf(!isRoot).each(commands)(
    'inside one that cannot be read is refused by %s',
    (...command) => {
      chmodSync(dir, 0o755);
      mkdirSync(join(dir, 'closed'), { mode: 0o700 });
      dataDir = join(dir, 'closed', 'data');
      const ended = holdfast(argsOf(command), { uid: NOBODY });
      expectRefusal(ended, 8, /you may not look into the directory that holds closed\/data/);
    },
  );

  it.skipIf(isRoot).each(commands)('that its owner cannot read is refused by %s', (...command) => {
    mkdirSync(dataDir, { mode: 0o000 });
    const ended = holdfast(argsOf(command));
    chmodSync(dataDir, 0o700);
    expectRefusal(ended, 8, /cannot be read and written: chmod u\+rwx/);
  });
});

describe('a command that is not found', () => {
  it('fails its task with what was looked for, and leaves nothing that runs', () => {
    const config = 'config: { command: no-such-program }\n    restart: { attempts: 0 }';
    const { status, stderr, stdout } = holdfast(['run', file(`${GROUP}    ${config}\n`), '--wait']);
    expect(stderr).toContain('no agent ran on');
    expect(stderr).toMatch(/holdfast: web is failed \(api: .*no-such-program.*\)\n$/);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^\S+\n$/);
    expect(holdfast(['ps']).stdout).toBe('');
    const tasks = JSON.parse(holdfast(['ps', '-a', '--json']).stdout) as object[];
    expect(tasks).toMatchObject([{ alloc: 'web', task: 'api', state: 'failed', pid: null }]);
    expect(readdirSync(join(dataDir, 'state', 'run'))).toEqual([]);
  });
});

describe('a driver of the agent that does not exist', () => {
  it('is wrong usage and starts nothing', () => {
    const line = /^holdfast: there is no driver raw_exek\. Did you mean raw_exec\?$/m;
    expectRefusal(holdfast(['agent', '--driver', 'raw_exek']), 2, line);
    expect(existsSync(dataDir)).toBe(false);
  });
});
