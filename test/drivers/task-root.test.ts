import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findIsolatedCommand } from '../../src/drivers/find-isolated-command.ts';
import { TaskRoot } from '../../src/os/task-root.ts';

describe('below a root of its own', () => {
  let dir: string;
  let root: TaskRoot;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'hf-root-'));
    for (const path of [
      'task/local',
      'task/usr',
      'usr/bin',
      'usr/local/bin',
      'data',
      'etc/alternatives',
    ]) {
      mkdirSync(join(dir, path), { recursive: true });
    }
    const file = (path: string, text = '#!/usr/bin/sh\n', mode = 0o755): void => {
      writeFileSync(join(dir, path), text);
      chmodSync(join(dir, path), mode);
    };
    file('usr/bin/sh');
    file('usr/bin/mawk');
    file('task/local/sh');
    file('data/tool', '#!/usr/bin/sh -e\n');
    file('data/plain', undefined, 0o644);
    symlinkSync('/etc/alternatives/awk', join(dir, 'usr/bin/awk'));
    symlinkSync('/usr/bin/mawk', join(dir, 'etc/alternatives/awk'));
    symlinkSync('usr/bin', join(dir, 'task/bin'));
    symlinkSync('../../../../../../usr/bin/sh', join(dir, 'task/up'));
    symlinkSync('round', join(dir, 'task/round'));
    root = new TaskRoot(join(dir, 'task'), [
      { source: join(dir, 'usr'), destination: '/usr' },
      { source: join(dir, 'etc'), destination: '/etc' },
      { source: join(dir, 'data'), destination: '/usr/data' },
    ]);
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it.each([
    ['/local/sh', 'task/local/sh'],
    ['/usr/bin/sh', 'usr/bin/sh'],
    ['/usr/data/tool', 'data/tool'],
    ['/bin/sh', 'usr/bin/sh'],
    ['/usr/bin/awk', 'usr/bin/mawk'],
    ['/up', 'usr/bin/sh'],
    ['/usr/../usr/bin/sh', 'usr/bin/sh'],
  ])('%s is %s, links and mounts followed as inside', (path, host) => {
    expect(root.find(path)?.host).toBe(join(dir, host));
  });

  it.each(['/nope', '/round', '/usr/bin/nope', '/local/sh/nope'])('%s is nothing', (path) => {
    expect(root.find(path)).toBeUndefined();
  });

  const found = (command: string, path = '/elsewhere'): string => {
    try {
      return findIsolatedCommand({ command, root, mountPoints: ['/usr/data'], path });
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it.each([
    ['sh', '/local/sh'],
    ['/usr/bin/sh', '/usr/bin/sh'],
    ['tool', '/usr/data/tool'],
    ['mawk', '/usr/bin/mawk'],
    ['bin/mawk', '/bin/mawk'],
    ['plain', 'COMMAND_NOT_EXECUTABLE'],
    ['nope', 'COMMAND_NOT_FOUND'],
    ['/mawk', 'COMMAND_NOT_FOUND'],
  ])('the command %s is %s, in the order of Nomad', (command, path) => {
    expect(found(command)).toBe(path);
  });

  it('says where it looked for a path that is not there', () => {
    const search = { command: './no/tool', root, mountPoints: ['/usr/data'], path: '' };
    expect(() => findIsolatedCommand(search)).toThrow(
      'the task has no /local/no/tool or /no/tool or /usr/data/no/tool',
    );
  });

  it.each([
    ['text', 'echo x\n', 'COMMAND_NOT_EXECUTABLE: /local/odd does not say what interprets it'],
    [
      'lines',
      '#!/usr/bin/sh\r\n',
      'COMMAND_NOT_FOUND: /local/odd: its interpreter "/usr/bin/sh\\r"',
    ],
    ['lines', '#!/usr/bin/sh\r\n', ': the script has Windows line ends'],
    ['an interpreter', '#!/usr/data/empty\n', 'its interpreter /usr/data/empty is empty'],
  ])('a command with wrong %s is refused in words: %j, %s', (_what, text, said) => {
    writeFileSync(join(dir, 'data/empty'), '', { mode: 0o755 });
    writeFileSync(join(dir, 'task/local/odd'), text, { mode: 0o755 });
    const search = { command: 'odd', root, mountPoints: [], path: '' };
    let heard = '';
    try {
      findIsolatedCommand(search);
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      heard = `${code}: ${message}`;
    }
    expect(heard).toContain(said);
  });

  it('looks along PATH after what Nomad looks at', () => {
    mkdirSync(join(dir, 'task/elsewhere'));
    writeFileSync(join(dir, 'task/elsewhere/own'), '#!/usr/bin/sh\n', { mode: 0o755 });
    expect(found('own')).toBe('/elsewhere/own');
    expect(found('own', 'relative:/usr/bin')).toBe('COMMAND_NOT_FOUND');
  });
});
