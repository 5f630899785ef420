/**
 * Makes a fresh clone ready, and does nothing when it is: `npm test` and its siblings call it first. It runs on any
 * Node from 18 on and needs no package. After it, npm's scripts run with the pinned Node: npm puts it first on PATH.
 *
 * A shell remembers where it found a program, so a script that goes on with Node says `env node`: it is looked up anew.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explain } from './setup-causes.mjs';
import { takeSetupLock } from './setup-lock.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const lockFile = join(root, 'package-lock.json');
const modules = join(root, 'node_modules');
const stamp = join(modules, '.holdfast-setup');

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

/** What node_modules must be made from: the lock file, for this kind of machine. */
function wanted() {
  const hash = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  return `${hash} ${process.platform}-${process.arch}\n`;
}

function isReady() {
  try {
    return readFileSync(stamp, 'utf8') === wanted();
  } catch {
    return false;
  }
}

/** An install by hand is as good as ours: npm notes what it put there. Packages for other machines may be absent. */
function isInstalled() {
  try {
    const want = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
    const have = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages;
    return Object.entries(want).every(([path, { version, integrity, optional, link }]) => {
      if (!path.startsWith('node_modules/') || link) return true;
      const found = have[path];
      if (found === undefined) return optional === true;
      return found.version === version && found.integrity === integrity;
    });
  } catch {
    return false;
  }
}

/** PATH without our own node_modules, which is about to be replaced. */
function outerPath() {
  const parts = (process.env.PATH ?? '').split(delimiter);
  return parts.filter((part) => part !== '' && !part.startsWith(modules)).join(delimiter);
}

function findOn(path, name) {
  for (const part of path.split(delimiter)) {
    try {
      accessSync(join(part, name), constants.X_OK);
      return join(part, name);
    } catch {
      continue;
    }
  }
  return undefined;
}

/** The npm that runs this script, else the one on PATH. */
function npmCommand(path) {
  const running = process.env.npm_execpath;
  if (running?.endsWith('.js') && existsSync(running)) {
    return [findOn(path, 'node') ?? process.execPath, running];
  }
  const npm = findOn(path, 'npm');
  if (npm === undefined) fail('npm is missing: install Node together with npm, from 18 on');
  return [npm];
}

function install() {
  const path = outerPath();
  const [command, ...before] = npmCommand(path);
  say('installing what package-lock.json names (npm ci); this is done once');
  const began = Date.now();
  const args = [...before, 'ci', '--include=dev', '--include=optional', '--loglevel=error'];
  const ended = spawnSync(command, [...args, '--no-audit', '--no-fund'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    // Add-ons are compiled against the pinned Node, whose package brings its headers.
    env: {
      ...process.env,
      PATH: path,
      npm_config_nodedir: join(modules, `node-linux-${process.arch}`),
    },
  });
  if (ended.error !== undefined) fail(`npm cannot be run: ${ended.error.message}`);
  if (ended.status !== 0) fail(explain(`${ended.stdout}\n${ended.stderr}`, ended));
  say(`done in ${Math.round((Date.now() - began) / 1_000)} s`);
}

/** The one optional package that is compiled: without it there are no terminals for tasks, and all else works. */
function reportTerminals() {
  if (existsSync(join(modules, 'node-pty', 'build', 'Release', 'pty.node'))) return;
  const missing = ['python3', 'make', 'g++'].filter((name) => !findOn(outerPath(), name));
  const why = missing.length > 0 ? `the compiler is missing (${missing.join(', ')})` : 'see npm ci';
  say(`node-pty could not be built: ${why}. It is optional; only terminals for tasks need it.`);
}

/** The pinned Node, or one that the user brought, must be able to run TypeScript. */
function checkNode() {
  const pinned = join(modules, '.bin', 'node');
  const node = existsSync(pinned) ? pinned : findOn(outerPath(), 'node');
  const said = spawnSync(node ?? process.execPath, ['--version'], { encoding: 'utf8' });
  const [major = 0, minor = 0] = (said.stdout ?? '').replace('v', '').split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  const why = said.status === 0 ? `is ${said.stdout.trim()}` : 'cannot be run on this machine';
  fail(`${node} ${why}: developing needs Node 22.18 or newer (x64 and arm64 get it from npm)`);
}

if (process.platform !== 'linux')
  fail(`Holdfast runs on Linux only, and this is ${process.platform}`);
if (!existsSync(lockFile)) fail(`${lockFile} is missing: this is not a whole checkout`);
if (!isReady()) {
  const release = await takeSetupLock(join(root, '.setup-lock'), say, fail);
  try {
    if (!isReady()) {
      if (!isInstalled()) install();
      reportTerminals();
      checkNode();
      writeFileSync(stamp, wanted());
    }
  } finally {
    release();
  }
}
