import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gatherEvidence } from '../../src/os/evidence.ts';
import { makeFifo } from '../../src/os/libc.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';

/** A line of a process that cannot exist. */
const GONE = `999999999 (sh) S 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 ${'9'.repeat(15)} 1\n`;

test('whether anything lives of a start without an identity is unknown while `life` is held', () => {
  const runDir = mkdtempSync(join(tmpdir(), 'run-'));
  const tree = (): string =>
    gatherEvidence({ runDir, machineEpoch: machineEpoch(), mark: 'i:nobody-carries-this' }).tree;
  try {
    writeFileSync(join(runDir, 'fate'), `launch ${GONE}`);
    makeFifo(join(runDir, 'life'));
    const child = openSync(join(runDir, 'life'), constants.O_RDWR | constants.O_NONBLOCK);
    expect(tree()).toBe('unknown');
    closeSync(child);
    expect(tree()).toBe('dead');
  } finally {
    rmSync(runDir, { recursive: true });
  }
});
