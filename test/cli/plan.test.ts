/** `holdfast plan`: what is printed, and with which status it ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { planText } from '../../src/cli/plan-text.ts';
import { runCommand } from '../../src/cli/run-command.ts';
import { serveAgent } from '../../src/server/agent-service.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';

describe('the text of a plan', () => {
  const none = { alloc: 'web', allocId: 'a1', version: 3, beginsAnew: false, changes: [] };

  it('has a line for the alloc, for each task and for each field, with signs', () => {
    const text = planText({
      ...none,
      action: 'restart',
      changes: [{ kind: 'added', field: 'labels.a', after: '"1"', action: 'in-place' }],
      tasks: [
        {
          task: 'api',
          action: 'restart',
          changes: [
            { kind: 'changed', field: 'env.A', before: '"1"', after: '"2"', action: 'restart' },
            { kind: 'removed', field: 'env.B', before: '"\u001b[2J"', action: 'restart' },
          ],
        },
        { task: 'side', action: 'none', changes: [] },
        { task: 'new', action: 'add', changes: [] },
        { task: 'old', action: 'remove', changes: [] },
      ],
    });
    expect(text.split('\n')).toEqual([
      '~ web (a1, version 3): restart of tasks',
      '  + labels.a: "1"  (in-place)',
      '  ~ task api: restart',
      '    ~ env.A: "1" -> "2"  (restart)',
      '    - env.B: "\\x1b[2J"  (restart)',
      '    task side',
      '  + task new: add',
      '  - task old: remove',
      '',
    ]);
  });

  it('says of an alloc that begins anew, or is a new one, what that is', () => {
    expect(planText({ ...none, action: 'restart', beginsAnew: true, tasks: [] })).toContain('anew');
    const fresh = { ...none, allocId: null, version: 0, tasks: [] };
    expect(planText({ ...fresh, action: 'create' })).toBe('+ web: a new alloc\n');
  });
});

describe('holdfast plan', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'hf-plan-'));
  let stdout = '';
  let stderr = '';
  beforeEach(() => {
    [stdout, stderr] = ['', ''];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      stdout += String(text);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      stderr += String(text);
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  });

  async function planned(spec: unknown, ...more: readonly string[]): Promise<number> {
    const file = join(dataDir, 'web.json');
    writeFileSync(file, JSON.stringify(spec));
    process.exitCode = undefined;
    return runCommand(['plan', file, '--data-dir', dataDir, ...more]);
  }

  it('ends with 1 when there is something to do, with 255 when it cannot tell', async () => {
    const spec = { name: 'web', tasks: [{ name: 'web', driver: 'raw_exec' }] };
    expect(await planned(spec)).toBe(255);
    expect(stderr).toContain('no agent runs on');
    const fake = new FakeOrchestrator();
    const listener = await serveAgent({ orchestrator: fake, dataDir });
    expect(await planned(spec)).toBe(1);
    expect(stdout).toBe('+ web: a new alloc\n');
    await fake.run(spec);
    stdout = '';
    expect(await planned(spec, '--json')).toBe(1);
    expect(JSON.parse(stdout)).toEqual(await fake.plan(spec));
    expect(await planned({ name: 'web', tasks: [] })).toBe(255);
    expect(stderr).toContain('tasks');
    await listener.close();
    rmSync(dataDir, { recursive: true });
  });
});
