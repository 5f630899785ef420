import { describe, expect, it } from 'vitest';
import { readSource, shownSource } from '../../src/spec/artifact-source.ts';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';

const group = (artifact: object): unknown => ({
  name: 'web',
  tasks: [{ name: 'api', driver: 'raw_exec', artifacts: [artifact] }],
});

function refusal(artifact: object): string {
  try {
    validateGroup(group(artifact));
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
}

describe('an artifact', () => {
  it('needs a source and nothing else', () => {
    const [task] = resolveSpec(validateGroup(group({ source: 'https://example.org/a' }))).tasks;
    expect(task?.artifacts).toEqual([
      { source: 'https://example.org/a', destination: 'local', mode: 'any' },
    ]);
  });

  it('keeps what differs from the default, with times in milliseconds', () => {
    const written = {
      source: 's3://bucket/key',
      unpack: 'auto',
      chown: false,
      insecure: true,
      timeout: '2m',
      options: { region: 'eu-west-1', path_style: true, secret_access_key: '${S3_SECRET}' },
      headers: { 'X-Trace': 'yes', Authorization: 'Bearer ${TOKEN}' },
    };
    const [task] = resolveSpec(validateGroup(group(written))).tasks;
    expect(task?.artifacts).toEqual([
      {
        source: 's3://bucket/key',
        destination: 'local',
        mode: 'any',
        headers: written.headers,
        options: { region: 'eu-west-1', pathStyle: true, secretAccessKey: '${S3_SECRET}' },
        chown: false,
        isInsecure: true,
        timeoutMs: 120_000,
      },
    ]);
  });

  it.each<[object, string]>([
    [
      { source: 'ftp://x/y' },
      'tasks[0].artifacts[0].source has a scheme that is not known: "ftp:"',
    ],
    [{ source: 'hg::https://x/y' }, 'is of a kind that is not known: "hg::"'],
    [{ source: 'github.com/a/b' }, 'Did you mean git::https://github.com/a/b?'],
    [{ source: '/etc/hosts' }, 'Did you mean file:///etc/hosts?'],
    [{ source: 'ssh://git@x/y' }, 'must say what is asked for: git::ssh://git@x/y'],
    [{ source: 'https://u:p@x/y' }, 'holds credentials, which would stand in the log'],
    [{ source: 'https://token@x/y' }, 'holds credentials'],
    [{ source: 'git::ext::sh -c x' }, 'has a scheme that git is not asked for: "ext:"'],
    [{ source: 's3://bucket' }, 'must name a bucket and a key'],
    [{ source: 'file://host/x' }, 'names a host: write file:///host/x'],
    [{ source: 'https://x/y', destination: 'a/../../b' }, 'destination leads out of the directory'],
    [
      { source: 'https://x/y', checksum: 'md5:d41d8cd98f00b204e9800998ecf8427e' },
      'MD5 proves nothing',
    ],
    [
      { source: 'git::https://x/y', checksum: `sha1:${'0'.repeat(40)}` },
      'cannot be had of a repository',
    ],
    [
      { source: 'https://x/y', headers: { Authorization: 'Bearer x' } },
      'artifacts[0].headers.Authorization would stand in the log as it is',
    ],
    [{ source: 'https://x/y', headers: { 'X-Api-Key': 'x' } }, 'would stand in the log as it is'],
    [{ source: 'https://x/y', headers: { 'X-A': 'a\r\nHost: b' } }, 'must be one line'],
    [{ source: 'https://x/y', headers: { 'a b': 'x' } }, 'is no name of a header'],
    [{ source: 'https://x/y', headers: { Range: 'x' } }, 'is set by whoever fetches'],
    [
      { source: 'https://x/y', options: { secretAccessKey: 'x' } },
      'would stand in the log as it is',
    ],
    [{ source: 'https://x/y', options: { ref: '--upload-pack=x' } }, 'must be a branch, a tag or'],
    [{ source: 'https://x/y', options: { reff: 'x' } }, 'Did you mean ref?'],
    [{ source: 'https://x/y', perms: '4755' }, 'must be octal'],
    [{}, 'tasks[0].artifacts[0].source is missing'],
  ])('%j is refused', (artifact, text) => {
    expect(refusal(artifact)).toContain(text);
  });

  it('may name variables wherever it has texts', () => {
    const source = '${BASE}/a?v=${meta.version}';
    expect(
      refusal({ source, checksum: 'sha256:${SUM}', destination: '${HOLDFAST_TASK_DIR}' }),
    ).toBe('accepted');
  });
});

describe('a source', () => {
  it.each([
    ['git::git@github.com:a/b.git', { kind: 'git', url: 'ssh://git@github.com/a/b.git' }],
    [
      'git::https://x/y.git?ref=v1&depth=2',
      { kind: 'git', url: 'https://x/y.git', ref: 'v1', depth: 2 },
    ],
    ['git::file:///srv/repo', { kind: 'git', url: 'file:///srv/repo' }],
    ['s3::https://minio:9000/b/k', { kind: 's3', url: 'https://minio:9000/b/k' }],
    ['s3::s3://b/k%20k', { kind: 's3', bucket: 'b', key: 'k k' }],
    ['file:///a%20b', { kind: 'file', path: '/a b' }],
    ['HTTPS://Example.org', { kind: 'http', url: 'https://example.org/' }],
  ])('%s', (source, reading) => {
    expect(readSource(source)).toEqual(reading);
  });

  it('is shown without what may let somebody in', () => {
    expect(shownSource('https://u:p@x/y?sig=s#f')).toBe('https://x/y');
  });
});
