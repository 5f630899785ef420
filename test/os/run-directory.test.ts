import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gatherEvidence } from '../../src/os/evidence.ts';
import { launchKey, taskKey } from '../../src/os/launch-key.ts';
import { makeFifo } from '../../src/os/libc.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import {
  type Intent,
  readExit,
  readFate,
  readIdentity,
  readIntent,
  runDirectory,
  tryAbort,
  writeIntent,
} from '../../src/os/run-directory.ts';

const epoch = machineEpoch();
const INTENT: Intent = {
  protocol: 1,
  instanceId: 'i',
  allocId: 'a',
  task: 't',
  run: 1,
  token: 'x',
  mark: 'i:nobody-carries-this',
  machineEpoch: epoch,
  specHash: 'h',
};
/** A line of a process that cannot exist. */
const GONE = `999999999 (sh) S 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 ${'9'.repeat(15)} 1\n`;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'run-'));
});

afterEach(() => rmSync(dir, { recursive: true }));

function write(name: string, text: string): void {
  writeFileSync(join(dir, name), text);
}

/** For JSON.stringify: when a file was written says the file system. */
function ignoringTime(key: string, value: unknown): unknown {
  return key === 'writtenAtMs' ? undefined : value;
}

function evidence(): ReturnType<typeof gatherEvidence> {
  return gatherEvidence({ runDir: dir, machineEpoch: epoch });
}

test('keys depend on every part, and on where one part ends', () => {
  expect(launchKey('a', 't', 1, 'x')).toMatch(/^[a-z2-7]{20}$/);
  expect(taskKey('a', 't')).toMatch(/^[a-z2-7]{16}$/);
  const keys = [
    launchKey('a', 't', 1, 'x'),
    launchKey('a', 't', 1, 'y'),
    launchKey('a', 't', 2, 'x'),
    launchKey('at', '', 1, 'x'),
    launchKey('', 'at', 1, 'x'),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test('nothing but a launch key becomes part of a path', () => {
  const hostile = ['', '..', '../../../../../../etc', `${'a'.repeat(19)}/`, 'A'.repeat(20)];
  for (const key of hostile) expect(() => runDirectory('/s', key)).toThrow('launch key');
});

test('of many aborts the first one wins, and all are told of an abort', () => {
  expect([tryAbort(dir, 'host'), tryAbort(dir, 'agent')]).toEqual([true, true]);
  expect(readFate(dir)).toEqual({ is: 'whole', value: { verdict: 'abort', who: 'host' } });
  expect(readdirSync(dir)).toEqual(['fate']);
});

test('an empty fate is free once nobody holds `life`, and not before', () => {
  write('fate', '');
  makeFifo(join(dir, 'life'));
  const holder = openSync(join(dir, 'life'), constants.O_RDWR | constants.O_NONBLOCK);
  expect(evidence()).toMatchObject({ fate: 'none', claim: 'unknown' });
  expect(tryAbort(dir, 'agent')).toBe(false);
  closeSync(holder);
  expect(evidence()).toMatchObject({ fate: 'none', claim: 'dead' });
  expect(tryAbort(dir, 'agent')).toBe(true);
  expect(evidence()).toMatchObject({ fate: 'abort', claim: 'none' });
});

const CORRUPT = [
  'code 0\n',
  'code 0\n     \n',
  'code 0\n.',
  'code 999\n.\n',
  '.\n',
  'code\n.\n',
  'code 1\nagain 3\n.\n',
  'code 1\nagain\n.\n',
];
test.each(CORRUPT)('an exit record of %j is corrupt', (text) => {
  write('exit', text);
  expect(readExit(dir).is).toBe('broken');
  expect(evidence().exit).toBe('corrupt');
});

test('an exit record is written over blanks, which alone are none', () => {
  for (const room of ['', '     \n']) {
    write('exit', room);
    expect(readExit(dir)).toEqual({ is: 'absent' });
    expect(evidence().exit).toBe('none');
  }
  write('exit', 'code 3\n\nagain 3\n.\n        \n');
  expect(readExit(dir)).toMatchObject({ value: { exitCode: 3 } });
});

test('the words of the shell tell an exit code from a signal', () => {
  const readAs = (text: string): unknown => {
    write('exit', text);
    const found = readExit(dir);
    return found.is === 'whole' && [found.value.exitCode, found.value.signal];
  };
  expect(readAs('code 137\n[1] + Done(137)       \n.\n')).toEqual([137, null]);
  expect(readAs('code 137\n[1]+  Exit 137       program\n.\n')).toEqual([137, null]);
  expect(readAs('code 137\n[1] + Killed     \n.\n')).toEqual([null, 'SIGKILL']);
  expect(readAs('code 130\n\n.\n')).toEqual([null, 'SIGINT']);
});

test('evidence follows a run from nothing to its end', () => {
  const missing = gatherEvidence({ runDir: join(dir, 'no'), machineEpoch: epoch });
  expect(missing).toMatchObject({ dir: 'none', fate: 'none', claim: 'none', exit: 'none' });
  expect(evidence()).toMatchObject({ dir: 'partial', tree: 'dead' });
  writeIntent(dir, INTENT);
  expect(evidence()).toMatchObject({ dir: 'whole', intent: INTENT, claim: 'none', tree: 'dead' });
  write('fate', `launch ${GONE}`);
  expect(evidence()).toMatchObject({ fate: 'launch', claim: 'dead', tree: 'dead' });
  write('identity', GONE.trimEnd());
  expect(evidence().identity).toBeUndefined();
  write('identity', GONE);
  expect(evidence().identity?.pid).toBe(999_999_999);
  write('exit', 'code 0\n[1] + Done\n.\n');
  expect(evidence()).toMatchObject({ exit: 'valid', exitRecord: { exitCode: 0 } });
});

test('whichever bit of them has changed, nothing wrong is read from the files of a run', () => {
  const line = GONE.trimEnd();
  const readers = { intent: readIntent, fate: readFate, identity: readIdentity };
  const wrong: unknown[] = [];
  writeIntent(dir, INTENT);
  write('fate', `launch ${line}\nagain ${line}\n`);
  write('identity', `${line}\nagain ${line}\n`);
  for (const [name, read] of Object.entries(readers)) {
    const valueOf = (found: ReturnType<typeof read>) =>
      found.is === 'whole' ? JSON.stringify(found.value, ignoringTime) : found.is;
    const truth = valueOf(read(dir));
    const whole = readFileSync(join(dir, name));
    const file = openSync(join(dir, name), 'r+');
    const put = (at: number, byte: number) => writeSync(file, Uint8Array.of(byte), 0, 1, at);
    for (const [at, byte] of whole.entries()) {
      for (let bit = 1; bit < 256; bit <<= 1) {
        put(at, byte ^ bit);
        const value = valueOf(read(dir));
        if (value !== 'broken' && value !== truth) wrong.push([name, at, bit, value]);
      }
      put(at, byte);
    }
    closeSync(file);
  }
  expect(wrong).toEqual([]);
});

test('the files of the first release, which said everything once, are read', () => {
  const release = new URL('../fixtures/releases/0.1.0-part1/data/state/run/', import.meta.url);
  const keys = readdirSync(release);
  expect(keys.length).toBeGreaterThan(0);
  for (const key of keys) {
    const run = join(release.pathname, key);
    expect([readIntent(run), readFate(run), readIdentity(run)].map(({ is }) => is)).toEqual(
      Array(3).fill('whole'),
    );
  }
});

test('after a new boot every pid is void, and an exit record still counts', () => {
  writeIntent(dir, { ...INTENT, machineEpoch: 'before' });
  const own = `${process.pid} (sh) S 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 1 1\n`;
  write('fate', `launch ${own}`);
  write('identity', own);
  write('exit', 'code 0\n.\n');
  expect(evidence()).toMatchObject({
    epoch: 'changed',
    claim: 'dead',
    tree: 'dead',
    exit: 'valid',
  });
});

test('what cannot be read is unknown, never none', () => {
  writeIntent(dir, INTENT);
  // A link to a name that is too long fails every read, also for root.
  for (const name of ['fate', 'exit']) symlinkSync('x'.repeat(300), join(dir, name));
  expect(evidence()).toMatchObject({ fate: 'unknown', claim: 'unknown', exit: 'unknown' });
});
