import { describe, expect, it } from 'vitest';
import { importProcfile } from '../../src/import/procfile.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';

const read = (text: string) => importProcfile(text, 'My App', '/srv/app');

describe('a Procfile', () => {
  it('becomes a group with a task for each process, read by a shell', () => {
    const { group, notes } = read(
      '# comment\nweb: bundle exec puma -p ${PORT:-80} ${PORT}\r\n\nworker:  A=1 ./work && echo done\nrelease: ./migrate\n',
    );
    expect(() => validateGroup(group)).not.toThrow();
    const task = (name: string, line: string, more: object = {}): object => ({
      name,
      driver: 'raw_exec',
      config: { command: '/bin/sh', args: ['-c', line], workDir: '/srv/app' },
      ...more,
    });
    expect(group).toEqual({
      name: 'My-App',
      type: 'service',
      tasks: [
        task('web', 'exec bundle exec puma -p ${PORT:-80} $${PORT}'),
        task('worker', 'A=1 ./work && echo done'),
        task('release', 'exec ./migrate', { lifecycle: { hook: 'prestart' } }),
      ],
    });
    expect(notes).toEqual([
      'web uses PORT: nobody sets it, so set it in env',
      'release runs before all others, each time the group is started',
    ]);
  });

  it.each([
    ['web puma', ':1 must be "name: command"'],
    ['web: a\nweb: b', ':2 names "web" again'],
    ['# nothing', 'names no process'],
  ])('that makes no sense is refused: %j', (text, fault) => {
    expect(() => read(text)).toThrow(fault);
  });
});
