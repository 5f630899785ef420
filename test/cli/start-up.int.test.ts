/** The command as a process: how it finds its Node, what it loads, and what happens when nobody reads. */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveAgent } from '../../src/server/agent-service.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const bin = join(root, 'bin', 'holdfast');

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-bin-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A package of bin/holdfast alone, with what the test puts beside it. */
function copyOfBin(main: string): string {
  for (const part of ['bin', 'dist/cli', 'path']) mkdirSync(join(dir, part), { recursive: true });
  writeFileSync(join(dir, 'dist/cli/main.js'), main);
  spawnSync('cp', [bin, join(dir, 'bin/holdfast')]);
  for (const tool of ['readlink', 'dirname', 'ls', 'mkdir', 'sh']) {
    symlinkSync(spawnSync('which', [tool]).stdout.toString().trim(), join(dir, 'path', tool));
  }
  return join(dir, 'bin/holdfast');
}
function fakeNode(version: string): void {
  const path = join(dir, 'path', 'node');
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || echo "ran $*"\n`);
  chmodSync(path, 0o755);
}
function start(command: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(command, ['ps', 'a b'], {
    env: { PATH: join(dir, 'path'), HOME: dir },
    encoding: 'utf8',
  });
}

describe('bin/holdfast', () => {
  it('runs through symbolic links, from any directory', async () => {
    symlinkSync(bin, join(dir, 'one'));
    symlinkSync('one', join(dir, 'two'));
    const { stdout } = await run(join(dir, 'two'), ['version'], { cwd: '/' });
    expect(stdout).toMatch(/^holdfast \d/);
  });

  it('says in one sentence that there is no Node', () => {
    const { status, stderr } = start(copyOfBin(''));
    expect([status, stderr]).toEqual([
      1,
      'holdfast: Node 22.14 or newer is needed, and there is no node on PATH: install it from https://nodejs.org\n',
    ]);
  });

  it.each(['v22.13.1', 'v20.20.2', 'v9.0.0'])('refuses Node %s in one sentence', (version) => {
    const command = copyOfBin('');
    fakeNode(version);
    const { status, stderr } = start(command);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^holdfast: Node 22\.14 or newer is needed, and \S+ is v[\d.]+: .*\n$/);
  });

  it.each(['v22.14.0', 'v24.0.1', 'v100.1.0'])(
    'takes Node %s and hands over every word',
    (version) => {
      const command = copyOfBin('');
      fakeNode(version);
      expect(start(command).stdout).toBe(
        `ran --max-semi-space-size=1 ${dir}/dist/cli/main.js ps a b\n`,
      );
    },
  );

  it('makes a compile cache that only its user can write', () => {
    const command = copyOfBin('');
    fakeNode('v24.0.0');
    start(command);
    expect(spawnSync('stat', ['-c', '%a', join(dir, '.cache/holdfast')]).stdout.toString()).toBe(
      '700\n',
    );
  });
});

describe('the command with an agent', () => {
  let fake: FakeOrchestrator;
  let listener: Listener;
  beforeEach(async () => {
    fake = new FakeOrchestrator();
    listener = await serveAgent({ orchestrator: fake, dataDir: dir });
  });
  afterEach(() => listener.close());

  it('loads for ps neither zod, rxjs, yaml, the store nor a driver', async () => {
    const hooks = `
      import { registerHooks } from 'node:module';
      registerHooks({ load: (url, context, next) => {
        process.stderr.write('LOAD ' + url + '\\n');
        return next(url, context);
      } });`;
    const { stderr } = await run(
      process.execPath,
      [
        `--import=data:text/javascript,${encodeURIComponent(hooks)}`,
        join(root, 'src/cli/main.ts'),
        'ps',
        '--json',
        `--data-dir=${dir}`,
      ],
      { maxBuffer: 1 << 24 },
    );
    const loaded = stderr.split('\n').filter((line) => line.startsWith('LOAD '));
    expect(loaded.some((url) => url.includes('/src/cli/ps.ts'))).toBe(true);
    const heavy =
      /node_modules\/(zod|rxjs|yaml|better-sqlite3|xstate|koffi)\/|src\/(log|drivers|hooks|actors)\//;
    expect(loaded.filter((url) => heavy.test(url))).toEqual([]);
  });

  it('ends quietly when its reader leaves', async () => {
    for (let i = 0; i < 20_000; i += 1) fake.add('Tick', { data: { i } });
    const script = `'${bin}' events --jsonl --data-dir '${dir}' | head -n 2; echo "status \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await run('bash', ['-c', script]);
    expect(stdout.trim().split('\n')).toHaveLength(3);
    expect(stdout).toContain('status 0');
    expect(stderr).toBe('');
  });

  it('is plain text without a terminal', async () => {
    await fake.run({ name: 'web', tasks: [{ name: 'api', driver: 'raw_exec' }] });
    const { stdout } = await run(bin, ['ps', '--data-dir', dir], {
      env: { ...process.env, FORCE_COLOR: '1' },
    });
    expect(stdout).not.toContain('\u001b');
  });
});
