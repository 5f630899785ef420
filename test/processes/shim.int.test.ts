import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { gatherEvidence } from '../../src/os/evidence.ts';
import { closeOnExecAbove2, makeFifo, memoryFile, reap, spawnSession } from '../../src/os/libc.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { readExit, readFate, readIdentity, tryAbort } from '../../src/os/run-directory.ts';
import {
  programText,
  type ProgramWords,
  SHIM_TEXT,
} from '../../src/processes/executor-host/shim.ts';
import { kill, until } from './host-rig.ts';

const epoch = machineEpoch();
const SHELLS = [
  ['dash', '/bin/dash', ['dash']],
  ['bash', '/bin/bash', ['bash']],
  ['bash as sh', '/bin/bash', ['sh', '--posix']],
] as const;

let directory: string;
let script: string;

beforeAll(() => {
  // The test runner may have inherited descriptors; a host marks its own before it starts anything.
  closeOnExecAbove2();
  directory = mkdtempSync(join(tmpdir(), 'shim-'));
  script = join(directory, 'script');
  writeFileSync(script, SHIM_TEXT);
});

afterAll(() => rmSync(directory, { recursive: true }));

describe.each(SHELLS)('under %s', (name, shell, argv) => {
  const isMissing = !existsSync(shell);
  let run: string;
  let out: number;
  let count = 0;

  beforeEach(() => {
    count += 1;
    run = join(directory, `${name.replaceAll(' ', '-')}-${count}`);
    mkdirSync(run);
    for (const fifo of ['life', 'out', 'err']) makeFifo(join(run, fifo));
    out = openSync(join(run, 'out'), constants.O_RDWR | constants.O_NONBLOCK);
  });

  afterEach(() => closeSync(out));

  function start(
    words: Partial<ProgramWords>,
    environment = ['PATH=/usr/bin:/bin'],
    text = script,
  ): number {
    const stdin = memoryFile('words');
    const whole = { command: '/bin/sh', args: [], env: {}, cwd: '/', ...words };
    writeSync(stdin, programText(whole));
    const args = [text, run, join(run, 'out'), join(run, 'err')];
    const pid = spawnSession({ path: shell, argv: [...argv, ...args], environment, stdin });
    closeSync(stdin);
    return pid;
  }

  async function ran(words: Partial<ProgramWords>, text = script): Promise<unknown> {
    const pid = start(words, undefined, text);
    await until(() => reap(pid));
    const exit = readExit(run);
    return exit.is === 'whole' ? exit.value : exit;
  }

  function output(): string {
    const bytes = Buffer.alloc(65_536);
    return bytes.toString('utf8', 0, readSync(out, bytes));
  }

  test.skipIf(isMissing).each([
    ['exit 0', 0, null],
    ['exit 3', 3, null],
    ['exit 137', 137, null],
    ['exit 255', 255, null],
    ['kill -KILL $$', null, 'SIGKILL'],
    ['kill -SEGV $$', null, 'SIGSEGV'],
    ['kill -INT $$', null, 'SIGINT'],
    ['kill -PIPE $$', null, 'SIGPIPE'],
    ['kill -TERM $$', null, 'SIGTERM'],
  ])('`%s` is recorded as exit code %s, signal %s', async (text, exitCode, signal) => {
    expect(await ran({ args: ['-c', text] })).toMatchObject({
      exitCode,
      signal,
      execFailed: false,
    });
  });

  test.skipIf(isMissing)('an exit before the shim comes to wait is no signal', async () => {
    const slow = 'at=0; while [ $at -lt 50000 ]; do at=$((at + 1)); done';
    const late = join(directory, 'late');
    writeFileSync(late, SHIM_TEXT.replace('# crash point: shim.forked', slow));
    expect(await ran({ args: ['-c', 'exit 137'] }, late)).toMatchObject({
      exitCode: 137,
      signal: null,
    });
  });

  test.skipIf(isMissing)('a failed exec is told from an exit with the same code', async () => {
    expect(await ran({ command: '/no/program' })).toMatchObject({
      exitCode: 127,
      execFailed: true,
    });
  });

  test.skipIf(isMissing)('a file that may not be executed is an exec failure', async () => {
    expect(await ran({ command: '/etc/passwd' })).toMatchObject({
      exitCode: 126,
      execFailed: true,
    });
  });

  // bash runs no EXIT trap then: under it only the host's own look at the lengths tells.
  test.skipIf(isMissing || name !== 'dash')('too long an argument is an exec failure', async () => {
    const args = ['x'.repeat(300_000)];
    expect(await ran({ command: '/bin/echo', args })).toMatchObject({
      exitCode: 126,
      execFailed: true,
    });
  });

  test.skipIf(isMissing)('every variable arrives whatever its name, and no other', async () => {
    const env = {
      'A.B': '1',
      'c-d': 'it\'s $HOME `x` \\ "q" #\n\nü日\u0081',
      "odd' name\\": ' spaces ',
      UID: '1000',
      IFS: 'x',
      OPTIND: 'x',
      H0: 'mine',
      EMPTY: '',
      PATH: '/nowhere',
      PWD: '/elsewhere',
    };
    await ran({ command: '/usr/bin/env', args: ['-0'], env });
    const arrived = output().split('\0').slice(0, -1);
    expect(arrived.toSorted()).toEqual(
      Object.entries(env)
        .map(([key, value]) => `${key}=${value}`)
        .toSorted(),
    );
  });

  test.skipIf(isMissing)('arguments arrive as they are', async () => {
    const args = ['-0', "it's", '$(x) \\ "', '', '-S', 'a=b', '\n'];
    await ran({ command: '/bin/sh', args: ['-c', 'printf "%s|" "$@"', ...args] });
    expect(output()).toBe(`${args.slice(1).join('|')}|`);
  });

  test.skipIf(isMissing)('a command with an equals sign in its path is no variable', async () => {
    const command = join(run, 'a=b');
    writeFileSync(command, '#!/bin/sh\necho ran\n', { mode: 0o755 });
    expect(await ran({ command })).toMatchObject({ exitCode: 0 });
    expect(output()).toBe('ran\n');
  });

  test.skipIf(isMissing)('LD_PRELOAD acts on the program and on nothing before it', async () => {
    const fd = openSync(join(run, 'err'), constants.O_RDWR | constants.O_NONBLOCK);
    await ran({ command: '/bin/true', env: { LD_PRELOAD: '/no/such/library.so' } });
    const bytes = Buffer.alloc(65_536);
    const complaints = bytes.toString('utf8', 0, readSync(fd, bytes)).match(/such\/library/g);
    closeSync(fd);
    // The dynamic linker complains once for every tool that it acts on.
    expect(complaints).toHaveLength(1);
  });

  test.skipIf(isMissing)(
    'the program has descriptors 0-2 only, and all signals at default',
    async () => {
      const report = 'ls /proc/$$/fd; grep SigIgn /proc/$$/status; umask; cat /proc/$$/cmdline';
      await ran({ args: ['-c', report], env: { PATH: '/bin' } });
      expect(output()).toBe(`0\n1\n2\nSigIgn:\t0000000000000000\n0022\n/bin/sh\0-c\0${report}\0`);
    },
  );

  test.skipIf(isMissing)('signals to the shim do not end it, nor the wait', async () => {
    const go = join(run, 'go');
    const pid = start({
      args: ['-c', `while [ ! -e ${go} ]; do sleep 0.01; done; exit 9`],
      env: { PATH: '/bin' },
    });
    await until(() => existsSync(join(run, 'identity')));
    const send = (): void => {
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGUSR1'] as const) {
        if (readExit(run).is === 'absent') process.kill(pid, signal);
      }
    };
    send();
    writeFileSync(go, '');
    // Also while it writes the record.
    await until(() => {
      if (reap(pid)) return true;
      send();
      return false;
    });
    expect(readExit(run)).toMatchObject({ value: { exitCode: 9 } });
  });

  test.skipIf(isMissing)('four shims on one directory start one program', async () => {
    const pids = [1, 2, 3, 4].map(() =>
      start({ args: ['-c', 'echo begun; sleep 0.1'], env: { PATH: '/bin' } }),
    );
    for (const pid of pids) await until(() => reap(pid));
    expect(output()).toBe('begun\n');
    const fate = readFate(run);
    const winner = fate.is === 'whole' && fate.value.verdict === 'launch' && fate.value.shim.pid;
    expect(pids).toContain(winner);
  });

  test.skipIf(isMissing)('an abort before the shim wins, and is the last word', async () => {
    expect(tryAbort(run, 'agent')).toBe(true);
    const pid = start({ args: ['-c', 'echo never'] });
    await until(() => reap(pid));
    expect(existsSync(join(run, 'identity'))).toBe(false);
    expect(readFate(run)).toMatchObject({ value: { verdict: 'abort', who: 'agent' } });
  });

  test.skipIf(isMissing)('a launch before the abort wins', async () => {
    const pid = start({ args: ['-c', 'exit 0'] });
    await until(() => reap(pid));
    expect(tryAbort(run, 'agent')).toBe(false);
  });

  test.skipIf(isMissing)('the secrets of a program stand in no file and no argument', async () => {
    const canary = 'hunter2-canary';
    const pid = start({ args: ['-c', 'sleep 1014'], env: { PATH: '/bin', TOKEN: canary } });
    await until(() => readIdentity(run).is === 'whole');
    const evidence = gatherEvidence({ runDir: run, machineEpoch: epoch });
    const program = evidence.identity?.pid ?? 0;
    await until(() => readFileSync(`/proc/${program}/environ`, 'latin1').includes(canary));
    for (const file of ['fate', 'identity', 'life']) {
      if (file !== 'life') expect(readFileSync(join(run, file), 'utf8')).not.toContain(canary);
    }
    for (const part of ['cmdline', 'environ']) {
      expect(readFileSync(`/proc/${pid}/${part}`, 'latin1')).not.toContain(canary);
    }
    await until(() => {
      // It has its environment a moment before it leads a group.
      kill(-program);
      return reap(pid);
    });
  });
});
