import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RunCgroups } from '../../src/actors/run-cgroups.ts';
import { RunFiles } from '../../src/actors/run-files.ts';
import { launchKey } from '../../src/os/launch-key.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { writeIntent } from '../../src/os/run-directory.ts';

test('the pids of a run without an intent are void: they may be of another boot', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'run-'));
  const key = launchKey('a', 't', 1, 'x');
  const dir = join(stateDir, 'run', key);
  const epoch = machineEpoch();
  const files = new RunFiles(
    { dataDir: stateDir, stateDir, fifoDir: stateDir },
    'i',
    epoch,
    new RunCgroups('i', 'off'),
  );
  try {
    mkdirSync(dir, { recursive: true });
    const own = readFileSync('/proc/self/stat', 'utf8').replace(/\(.*\)/, '(sh)');
    writeFileSync(join(dir, 'fate'), `launch ${own}`);
    writeFileSync(join(dir, 'identity'), own);
    expect(files.lifeOf(key)).toBe('dead');
    const intent = { instanceId: 'i', allocId: 'a', task: 't', run: 1, token: 'x', specHash: 'h' };
    writeIntent(dir, { ...intent, protocol: 1, mark: `i:${key}`, machineEpoch: epoch });
    expect(files.lifeOf(key)).toBe('alive');
  } finally {
    rmSync(stateDir, { recursive: true });
  }
});
