import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { canonicalJson, specHash } from '../../src/spec/spec-hash.ts';
import { signalName } from '../../src/spec/signal-names.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import type { TaskSpec } from '../../src/spec/task-spec.ts';

const task = { name: 'a', driver: 'raw_exec' };
function resolved(more: Partial<GroupSpecInput>, options = {}): readonly TaskSpec[] {
  return resolveSpec(validateGroup({ name: 'g', tasks: [task], ...more }), options).tasks;
}

describe('resolveSpec', () => {
  it('gives a service Nomad’s restart policy', () => {
    expect(resolved({})[0]).toMatchObject({
      restart: { attempts: 2, intervalMs: 1_800_000, delayMs: 15_000, mode: 'fail' },
      restartOnSuccess: true,
      gate: 'main',
    });
  });

  it('gives a batch group another one, without a restart after success', () => {
    expect(resolved({ type: 'batch' })[0]).toMatchObject({
      restart: { attempts: 3, intervalMs: 86_400_000, delayMs: 15_000, onLost: 'fail' },
      restartOnSuccess: false,
    });
  });

  it('lets a task override the group’s restart policy field by field', () => {
    const tasks = [{ ...task, restart: { delay: '1s' } }];
    expect(resolved({ restart: { attempts: 7, delay: '2s' }, tasks })[0]?.restart).toMatchObject({
      attempts: 7,
      delayMs: 1_000,
      intervalMs: 1_800_000,
    });
  });

  it('puts a prestart task behind its own gate and never restarts it after success', () => {
    const tasks = [{ ...task, lifecycle: { hook: 'prestart' as const } }];
    expect(resolved({ tasks })[0]).toMatchObject({ gate: 'prestart', restartOnSuccess: false });
  });

  it('keeps of the log policy what is no default, so that old specs keep their hash', () => {
    const logs = { compress: false, whenFull: 'block', disabled: false } as const;
    const byDefault = { maxFiles: 10, maxFileSizeMb: 10 };
    expect(resolved({ tasks: [{ ...task, logs }] })[0]?.logs).toEqual(byDefault);
    const other = { compress: true, whenFull: 'drop', disabled: true } as const;
    expect(resolved({ tasks: [{ ...task, logs: other }] })[0]?.logs).toEqual({
      ...byDefault,
      ...other,
    });
  });

  it('caps killTimeout', () => {
    const tasks = [{ ...task, killTimeout: '3m' }];
    expect(resolved({ tasks })[0]?.killTimeoutMs).toBe(30_000);
    expect(resolved({ tasks }, { maxKillTimeoutMs: 600_000 })[0]?.killTimeoutMs).toBe(180_000);
  });
});

describe('specHash', () => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const hashOf = (input: unknown): string => specHash(resolveSpec(validateGroup(input)), sha256);

  it('is the same however the same group was written', () => {
    const camel = { name: 'g', tasks: [{ ...task, killTimeout: '1m' }] };
    const snake = { tasks: [{ kill_timeout: '60s', ...task }], name: 'g', type: 'service' };
    expect(hashOf(snake)).toBe(hashOf(camel));
  });

  it('differs when anything differs', () => {
    const other = { name: 'g', tasks: [{ ...task, env: { A: '1' } }] };
    expect(hashOf(other)).not.toBe(hashOf({ name: 'g', tasks: [task] }));
  });

  it('hashes JSON whose keys are sorted at every depth', () => {
    expect(canonicalJson({ b: [{ d: 1, c: undefined }], a: null })).toBe(
      '{"a":null,"b":[{"d":1}]}',
    );
  });
});

describe('signalName', () => {
  it('knows a signal by name, short name and number', () => {
    expect(['SIGHUP', 'hup', '1', 'SIGNOPE', '0', '99'].map(signalName)).toEqual([
      'SIGHUP',
      'SIGHUP',
      'SIGHUP',
      undefined,
      undefined,
      undefined,
    ]);
  });
});
