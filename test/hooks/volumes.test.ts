import { describe, expect, it } from 'vitest';
import type { HookDoors, HookRequest } from '../../src/hooks/hook.ts';
import { HookRegistry } from '../../src/hooks/registry.ts';
import { volumes } from '../../src/hooks/volumes.ts';
import type { TaskMount } from '../../src/spec/task-spec.ts';
import { taskSpec } from '../machines/stories.ts';

const bind = (source: string, volume?: string): TaskMount => ({
  type: 'bind',
  ...(volume !== undefined && { volume }),
  source,
  destination: '/inside',
  readOnly: false,
  propagation: 'private',
});
const tmpfs: TaskMount = { type: 'tmpfs', destination: '/cache', readOnly: false };

async function prestart(...mounts: readonly TaskMount[]): Promise<string> {
  const request = { task: taskSpec({ mounts }) } as HookRequest;
  try {
    await volumes.prestart?.(request, {} as HookDoors);
    return 'fine';
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

describe('the hook volumes', () => {
  it('is part of the plan of who mounts something, after the directories were made', () => {
    const registry = new HookRegistry([]);
    expect(registry.planFor(taskSpec({ mounts: [tmpfs] }))).toEqual([
      'validate',
      'task-dir',
      'volumes',
      'logmon',
    ]);
    expect(registry.planFor(taskSpec({ mounts: [] }))).not.toContain('volumes');
  });

  it('is content with what is there', async () => {
    expect(await prestart(bind('/'), bind('/etc/passwd', 'accounts'), tmpfs)).toBe('fine');
  });

  it('names what is not there', async () => {
    expect(await prestart(bind('/'), bind('/nowhere/at/all', 'content'))).toBe(
      'HOOK_FAILED: volume "content": /nowhere/at/all does not exist on this machine',
    );
    expect(await prestart(bind('/nowhere/at/all'))).toBe(
      'HOOK_FAILED: the mount at /inside: /nowhere/at/all does not exist on this machine',
    );
  });
});
