import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { tarOf } from './archives.ts';
import { fetched, place, serving, type Place } from './fetching.ts';

const CLEAN = {
  PATH: process.env['PATH'] ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_GLOBAL: '/dev/null',
};

interface Repository {
  readonly source: string;
  readonly first: string;
  readonly second: string;
}

/** Two commits on `main`, the first of them tagged `v1`, with a hook, a submodule and a filter that must never run. */
function repository(where: Place, extra: (dir: string) => void = () => {}): Repository {
  const dir = join(where.top, 'repo');
  const trap = join(where.top, 'trapped');
  mkdirSync(dir);
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: dir,
      env: CLEAN,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString();
  git('init', '-q', '-b', 'main');
  writeFileSync(join(dir, 'file'), 'one');
  writeFileSync(join(dir, '.gitattributes'), 'file filter=trap\n');
  writeFileSync(
    join(dir, '.gitmodules'),
    `[submodule "s"]\n\tpath = s\n\turl = ext::touch ${trap}\n`,
  );
  extra(dir);
  git('add', '.');
  git('commit', '-qm', 'one');
  git('tag', 'v1');
  const first = git('rev-parse', 'HEAD').trim();
  writeFileSync(join(dir, 'file'), 'two');
  git('commit', '-qam', 'two');
  const second = git('rev-parse', 'HEAD').trim();
  git('config', 'uploadpack.allowAnySHA1InWant', 'false');
  return { source: `git::file://${dir}`, first, second };
}

describe('a repository', () => {
  it('is had at a branch, a tag or a commit, and nothing of it is run', async () => {
    const where = place();
    const { source, first, second } = repository(where);
    const read = (name: string): string =>
      readFileSync(join(where.dirs.task, name, 'file'), 'utf8');
    const at = (destination: string, ref?: string): Promise<string> =>
      fetched(where, { source, destination, options: { depth: 1, ...(ref && { ref }) } });
    expect(await at('head')).toContain(`(commit ${second}) to head`);
    expect(await at('tag', 'v1')).toContain(`(commit ${first})`);
    expect(await at('commit', first)).toContain(`(commit ${first})`);
    expect([read('head'), read('tag'), read('commit')]).toEqual(['two', 'one', 'one']);
    expect(existsSync(join(where.top, 'trapped'))).toBe(false);
    expect(existsSync(join(where.dirs.task, 'head/.git/hooks'))).toBe(false);
    expect(existsSync(where.dir)).toBe(false);
  });

  it('without that ref is refused, and so is a ref that is an option', async () => {
    const where = place();
    const { source } = repository(where);
    const told = await fetched(where, { source, options: { ref: 'none' } });
    expect(told).toMatch(
      /^HOOK_FAILED: artifact git::file:.* git fetch of .*couldn't find remote ref/,
    );
    const option = { source, options: { ref: '--upload-pack=x' } };
    expect(await fetched(where, option)).toContain('must be a branch, a tag or a commit');
  });

  it('with a link to the outside is refused', async () => {
    const where = place();
    const { source } = repository(where, (dir) => symlinkSync('/etc', join(dir, 'l')));
    expect(await fetched(where, { source })).toContain('"l" is a link that leads out of it');
  });

  it('of this machine is nothing for others, unless the operator has opened it', async () => {
    const where = place();
    const { source } = repository(where);
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const told = await fetched(where, { source }, {}, { owner });
    expect(told).toContain('is a repository of this machine, and below no root of file artifacts');
    expect(await fetched(where, { source }, { fileRoots: [where.top] }, { owner })).toContain(
      'commit',
    );
  });

  it('behind ssh is asked for with the key of the spec, which is gone afterwards, or with none', async () => {
    const where = place();
    const bin = join(where.top, 'bin');
    mkdirSync(bin);
    const said = join(where.top, 'said');
    const script = `#!/bin/sh\nfor a; do case $a in */key) cat "$a";; esac; done > ${said}.key\n`;
    writeFileSync(join(bin, 'ssh'), `${script}echo "$@" > ${said}\nexit 255\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${bin}:${process.env['PATH'] ?? ''}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const source = 'git::ssh://git@host.example/a.git';
    const told = await fetched(where, { source }, {}, { owner });
    expect(told).toMatch(/^HOOK_FAILED.*git fetch of ssh:\/\/host\.example\/a\.git/);
    const without = readFileSync(said, 'utf8');
    expect(without).toContain('-F none');
    expect(without).toContain('-o IdentityAgent=none -o IdentityFile=none');
    expect(without).toContain('-o StrictHostKeyChecking=yes');
    const sshKey = Buffer.from('-----BEGIN KEY-----\nx').toString('base64');
    await fetched(where, { source, options: { sshKey } }, {}, { owner });
    expect(readFileSync(`${said}.key`, 'utf8')).toBe('-----BEGIN KEY-----\nx\n');
    expect(readFileSync(said, 'utf8')).toContain('-o IdentitiesOnly=yes -i ');
    const left = readdirSync(where.dir, { recursive: true, encoding: 'utf8' });
    expect(left.filter((name) => name.endsWith('/key'))).toEqual([]);
  });

  it('that nobody answers for may be tried again', async () => {
    const told = await fetched(place(), { source: 'git::http://127.0.0.1:1/x.git' });
    expect(told).toMatch(
      /^HOOK_FAILED, may pass: .*git fetch of http:\/\/127\.0\.0\.1:1\/x\.git: fatal/,
    );
  });

  it('is not fetched on when somebody gives it up', async () => {
    const { url } = await serving('');
    const gone = new AbortController();
    gone.abort(new Error('given up'));
    const wish = { source: `git::${url}/x.git` };
    await expect(fetched(place(), wish, {}, { signal: gone.signal })).resolves.toContain(
      'given up',
    );
  });
});

describe('an archive that a program reads', () => {
  it.each([
    ['tar.bz2', ['bzip2', '-c']],
    ['tar.xz', ['xz', '-c']],
  ])('may be a %s', async (ending, [program = '', ...args]) => {
    const where = place();
    const tar = tarOf([{ name: 'a/b', content: 'yes' }]);
    const { url } = await serving(execFileSync(program, args, { input: tar }));
    expect(await fetched(where, { source: `${url}/x.${ending}` })).toContain('fetched');
    expect(readFileSync(join(where.dirs.task, 'local/a/b'), 'utf8')).toBe('yes');
  });
});

describe('what is no file of this machine', () => {
  it('is refused, and a pipe holds nobody up, wherever it is', async () => {
    const where = place();
    const dir = join(where.top, 'from');
    mkdirSync(dir);
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    const pipe = await fetched(where, { source: `file://${dir}/pipe` });
    expect(pipe).toMatch(/^HOOK_FAILED: .*pipe is no file and no directory$/);
    const tree = await fetched(where, { source: `file://${dir}` });
    expect(tree).toContain('"pipe" is a device, pipe or socket, which is not unpacked');
  });
});

const SHM = '/dev/shm';
const isElsewhere = existsSync(SHM) && statSync(SHM).dev !== statSync(tmpdir()).dev;

describe.skipIf(!isElsewhere)('a destination on another file system (needs /dev/shm)', () => {
  it('gets the same files, links and modes', async () => {
    const where = place();
    const dir = mkdtempSync(join(SHM, 'artifact-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const entries = [
      { name: 'd/run', content: 'go', mode: 0o755 },
      { name: 'd/l', type: '2', target: 'run' },
    ];
    const { url } = await serving(tarOf(entries));
    expect(await fetched({ ...where, dir }, { source: `${url}/x.tar` })).toContain('fetched');
    const file = join(where.dirs.task, 'local/d/run');
    expect(statSync(file).mode & 0o777).toBe(0o755);
    expect(readFileSync(join(where.dirs.task, 'local/d/l'), 'utf8')).toBe('go');
    expect(readdirSync(join(where.dirs.task, 'local/d')).toSorted()).toEqual(['l', 'run']);
  });
});

describe.skipIf(process.getuid?.() !== 0)('what is fetched for somebody else (needs root)', () => {
  it('belongs to him, with the directories that were made for it', async () => {
    const where = place();
    const owner = { uid: 61_234, gid: 61_235 };
    chownSync(where.dirs.task, owner.uid, owner.gid);
    const { url } = await serving(
      tarOf([
        { name: 'd/f', content: 'x' },
        { name: 'l', type: '2', target: 'd' },
      ]),
    );
    const wish = { source: `${url}/x.tar`, destination: 'local/deep' };
    expect(await fetched(where, wish, {}, { owner })).toContain('fetched');
    const ownerOf = (name: string): number[] => {
      const { uid, gid } = statSync(join(where.dirs.task, name));
      return [uid, gid];
    };
    const mine = [owner.uid, owner.gid];
    for (const name of ['local', 'local/deep', 'local/deep/d', 'local/deep/d/f']) {
      expect(ownerOf(name), name).toEqual(mine);
    }
    const kept = { ...wish, destination: 'kept', chown: false } as const;
    await fetched(where, kept, {}, { owner });
    expect(ownerOf('kept/d/f')).toEqual([0, 0]);
  });
});

it('an archive in which a file has holes is refused, whatever its map calls itself', async () => {
  const where = place();
  execFileSync('truncate', ['-s', '1M', join(where.top, 'hollow')]);
  const archive = join(where.top, 'hollow.tar');
  execFileSync('tar', ['--format=posix', '-cSf', archive, '-C', where.top, 'hollow']);
  const said = await fetched(where, { source: `file://${archive}` });
  expect(said).toContain('file with holes');
});
