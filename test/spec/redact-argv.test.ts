import { describe, expect, it } from 'vitest';
import { redactArgv } from '../../src/spec/redact-argv.ts';

describe('the words of a command that may be recorded', () => {
  it.each([
    [
      ['mysql', '--password=hunter2'],
      ['mysql', '--password=<redacted>'],
    ],
    [
      ['mysql', '--password', 'hunter2', '-e', 'x'],
      ['mysql', '--password', '<redacted>', '-e', 'x'],
    ],
    [
      ['env', 'DB_PASSWORD=a b', 'HOME=/root'],
      ['env', 'DB_PASSWORD=<redacted>', 'HOME=/root'],
    ],
    [
      ['sh', '-c', `cd /x; AWS_SECRET_ACCESS_KEY='a b' GITHUB_TOKEN="x" run --api-key=1 && ls`],
      [
        'sh',
        '-c',
        'cd /x; AWS_SECRET_ACCESS_KEY=<redacted> GITHUB_TOKEN=<redacted> run --api-key=<redacted> && ls',
      ],
    ],
    [
      ['psql', 'postgres://ann:pw@db/shop'],
      ['psql', 'postgres://ann:<redacted>@db/shop'],
    ],
    [
      ['curl', '-H', 'Authorization: Bearer abc.def', 'http://x/'],
      ['curl', '-H', 'Authorization: <redacted>', 'http://x/'],
    ],
    [
      ['fetch', 'https://s3/f?X-Amz-Signature=89ab', 'sshkey=LS0tLS1C'],
      ['fetch', 'https://s3/f?X-Amz-Signature=<redacted>', 'sshkey=<redacted>'],
    ],
    [
      ['curl', 'token=abc&page=2'],
      ['curl', 'token=<redacted>'],
    ],
    [
      ['tool', '--token', '--verbose'],
      ['tool', '--token', '--verbose'],
    ],
  ])('of %j are %j', (argv, expected) => {
    expect(redactArgv(argv)).toEqual(expected);
  });

  it.each([[['ls', '-la', '/pass']], [['sh', '-c', 'echo "$PASSWORD"']], [['make', 'CFLAGS=-O2']]])(
    'of %j are all of them',
    (argv) => {
      expect(redactArgv(argv)).toEqual(argv);
    },
  );
});
