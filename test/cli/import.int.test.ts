import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { validateGroup } from '../../src/spec/validate-spec.ts';

const COMMAND = new URL('../../bin/holdfast', import.meta.url).pathname;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-import-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function imported(
  kind: string,
  file: string,
  content: string,
  ...more: readonly string[]
): SpawnSyncReturns<string> {
  const path = join(dir, file);
  writeFileSync(path, content);
  const isStdin = file === '-';
  const args = ['import', kind, isStdin ? '-' : path, ...more];
  return spawnSync(COMMAND, args, { encoding: 'utf8', ...(isStdin && { input: content }) });
}

const JOB = {
  Job: {
    ID: 'web',
    Datacenters: ['dc1'],
    TaskGroups: [
      { Name: 'g', Tasks: [{ Name: 't', Driver: 'exec', Config: { command: 'date' } }] },
    ],
  },
};

describe('holdfast import', () => {
  it('prints a group that can be run, and on stderr what is not in it', () => {
    const { status, stdout, stderr } = imported('nomad', '-', JSON.stringify(JOB));
    expect(status).toBe(0);
    expect(validateGroup(parse(stdout))).toMatchObject({ name: 'web', tasks: [{ name: 't' }] });
    expect(stderr).toBe('stdin: Datacenters is left out: where a group runs is not decided here\n');
  });

  it('names a group after the directory of its file', () => {
    const { stdout, stderr } = imported('procfile', 'Procfile', 'web: ./serve\n');
    expect(parse(stdout)).toMatchObject({
      name: basename(dir),
      tasks: [{ name: 'web', config: { args: ['-c', 'exec ./serve'], workDir: dir } }],
    });
    expect(stderr).toBe('');
  });

  it('reads an ecosystem file in JavaScript, JSON or YAML, and runs none of it', () => {
    const trap = join(dir, 'trapped');
    const script = `require("fs").writeFileSync(${JSON.stringify(trap)}, ""); module.exports = {};`;
    const { status, stdout, stderr } = imported('pm2', 'ecosystem.config.js', script);
    expect([status, stdout]).toEqual([6, '']);
    expect(stderr).toContain('ecosystem.config.js:1 must be "module.exports = {…}"');
    for (const [file, text] of [
      ['a.config.cjs', 'module.exports = { apps: [{ script: "a.js" }] };'],
      ['a.json', '{ "apps": [{ "script": "a.js" }] }'],
      ['a.yaml', 'apps:\n  - script: a.js\n'],
    ] as const) {
      const one = imported('pm2', file, text, '--name', 'site');
      expect(parse(one.stdout), file).toMatchObject({ name: 'site', tasks: [{ name: 'a' }] });
    }
  });

  it('refuses what would be refused when it is run, and what is no such file', () => {
    const wrong = structuredClone(JOB) as typeof JOB & { Job: { Type?: string } };
    Object.assign(wrong.Job.TaskGroups[0]?.Tasks[0] as object, { KillSignal: 'SIGFOO' });
    const refused = imported('nomad', 'job.json', JSON.stringify(wrong));
    expect([refused.status, refused.stdout]).toEqual([6, '']);
    expect(refused.stderr).toContain('tasks[0].killSignal must be the name of a signal');
    const hcl = imported('nomad', 'job.hcl', 'job "web" {\n}\n');
    expect(hcl.status).toBe(6);
    expect(hcl.stderr).toContain('(HCL? "nomad job run -output" gives JSON)');
  });
});
