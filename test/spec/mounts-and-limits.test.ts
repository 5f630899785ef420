/** What a group says of users, limits, volumes and mounts. */
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';

const task = { name: 'web', driver: 'exec', config: { command: 'httpd' } };
const volumes = {
  content: { source: '/srv/content' },
  keys: { type: 'host', source: '/etc/keys', read_only: true },
};
const group = (taskMore: object, more: object = {}): unknown => ({
  name: 'site',
  tasks: [{ ...task, ...taskMore }],
  ...more,
});
const mounted = (wish: object): unknown => group({ volumeMounts: [wish] }, { volumes });

/** The lines of the refusal. */
function refusal(input: unknown): string[] {
  try {
    validateGroup(input);
  } catch (error) {
    expect(HoldfastError.is(error, 'SPEC_INVALID')).toBe(true);
    return (error as Error).message.split('\n');
  }
  throw new Error('the group was accepted');
}

describe('a task that mounts', () => {
  it('sees volumes first, then its own mounts, each read-only when either side says so', () => {
    const spec = resolveSpec(
      validateGroup(
        group(
          {
            volume_mounts: [
              { volume: 'content', destination: '/www', propagation: 'host-to-task' },
              { volume: 'keys', destination: '/keys' },
            ],
            mounts: [{ type: 'tmpfs', destination: '/cache', size_mb: 64, mode: '1777' }],
          },
          { volumes },
        ),
      ),
    );
    expect(spec.tasks[0]?.mounts).toEqual([
      {
        type: 'bind',
        volume: 'content',
        source: '/srv/content',
        destination: '/www',
        readOnly: false,
        propagation: 'host-to-task',
      },
      {
        type: 'bind',
        volume: 'keys',
        source: '/etc/keys',
        destination: '/keys',
        readOnly: true,
        propagation: 'private',
      },
      { type: 'tmpfs', destination: '/cache', readOnly: false, sizeMb: 64, mode: '1777' },
    ]);
  });

  it('may be bidirectional only where the volume and the mount are read-write', () => {
    const both = { destination: '/x', propagation: 'bidirectional' };
    expect(() => validateGroup(mounted({ volume: 'content', ...both }))).not.toThrow();
    const text =
      'tasks[0].volumeMounts[0].propagation may be bidirectional only when the volume and the mount are read-write';
    expect(refusal(mounted({ volume: 'keys', ...both }))).toEqual([text]);
    expect(refusal(mounted({ volume: 'content', readOnly: true, ...both }))).toEqual([text]);
  });

  it('names a volume of its group, and no destination twice', () => {
    expect(refusal(mounted({ volume: 'kyes', destination: '/k' }))).toEqual([
      'tasks[0].volumeMounts[0].volume names no volume of the group (known: content, keys)',
    ]);
    const twice = group(
      {
        volumeMounts: [{ volume: 'content', destination: '/x' }],
        mounts: [{ type: 'bind', source: '/tmp', destination: '/x' }],
      },
      { volumes },
    );
    expect(refusal(twice)).toEqual([
      'tasks[0].mounts[0].destination is the destination of two mounts: "/x"',
    ]);
  });

  it.each([
    ['/', 'is the root of the task'],
    ['//.', 'is the root of the task'],
    ['/dev/', 'is where a task has its devices'],
    ['/proc', 'is in /proc'],
    ['/proc/sys/net', 'is in /proc'],
    ['/sys', 'is in /sys'],
    ['/sys/kernel', 'is in /sys'],
  ])('mounts nothing onto %s', (destination, text) => {
    const bind = { type: 'bind', source: '/srv', destination };
    expect(refusal(group({ mounts: [bind] }))).toEqual([
      expect.stringContaining(`tasks[0].mounts[0].destination ${text}`),
    ]);
    expect(refusal(mounted({ volume: 'content', destination }))).toEqual([
      expect.stringContaining(`tasks[0].volumeMounts[0].destination ${text}`),
    ]);
  });

  it.each(['/dev/shm', '/procs', '/system', '/sys/fs/cgroup', '/srv/proc'])(
    'may mount onto %s',
    (destination) => {
      const bind = { type: 'bind', source: '/srv', destination };
      expect(() => validateGroup(group({ mounts: [bind] }))).not.toThrow();
    },
  );

  it('sees two ways to write a destination as one', () => {
    const mounts = ['/x', '/x/.'].map((destination) => ({ type: 'tmpfs', destination }));
    expect(refusal(group({ mounts }))).toEqual([
      'tasks[0].mounts[1].destination is the destination of two mounts: "/x"',
    ]);
  });

  it.each(['relative/path', '/a/../b'])('takes no source like %s', (source) => {
    const input = group({ mounts: [{ type: 'bind', source, destination: '/x' }] });
    expect(refusal(input)).toEqual([
      expect.stringContaining('tasks[0].mounts[0].source must be an absolute path without ".."'),
    ]);
  });

  it('is told of a misspelt key in a mount or a volume', () => {
    expect(refusal(mounted({ volume: 'content', destination: '/x', readonly: true }))).toEqual([
      'tasks[0].volumeMounts[0].readonly is not a known key. Did you mean readOnly?',
    ]);
    const input = group({}, { volumes: { content: { sorce: '/srv' } } });
    expect(refusal(input)[0]).toBe(
      'volumes.content.sorce is not a known key. Did you mean source?',
    );
    const bind = { type: 'bind', source: '/a', destination: '/x', size_mb: 3 };
    expect(refusal(group({ mounts: [bind] }))[0]).toContain(
      'tasks[0].mounts[0].size_mb is not a known key',
    );
  });
});

describe('a task with limits', () => {
  it('keeps them as they were written', () => {
    const resources = {
      cpu: 0.5,
      cpuMax: 2,
      cpuset: '0-1',
      memoryMb: 64,
      memoryMaxMb: 128,
      pids: 9,
    };
    const spec = resolveSpec(validateGroup(group({ resources, user: 'nobody' })));
    expect(spec.tasks[0]).toMatchObject({ resources, user: 'nobody' });
  });

  it.each([
    [{ cpu: 0 }, 'cpu'],
    [{ cpuset: '0-' }, 'cpuset'],
    [{ cpuset: '3,1-0' }, 'cpuset'],
    [{ memoryMb: 1 }, 'memoryMb'],
    [{ memoryMb: 64, memoryMaxMb: 32 }, 'memoryMaxMb is less than memoryMb, which is 64'],
    [{ pids: 0 }, 'pids'],
  ])('is refused %j', (resources, text) => {
    expect(refusal(group({ resources }))[0]).toContain(`tasks[0].resources.${text}`);
  });

  it.each(['', 'a b', 'root:', '../x'])('takes no user %j', (user) => {
    expect(refusal(group({ user }))[0]).toContain('tasks[0].user must be a user');
  });
});

describe('a task that asks for none of it', () => {
  it('has the same resolved form as before these keys were known', () => {
    const resolved = resolveSpec(validateGroup(group({})));
    const keys = Object.keys(resolved.tasks[0] ?? {});
    expect(keys.some((key) => ['user', 'resources', 'mounts'].includes(key))).toBe(false);
  });
});
