import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runs } from '../../src/doctor/runs.ts';
import { layoutOf } from '../../src/layout.ts';

it('files of runs that nobody knows are an opening agent’s to sort, and what one left is said to be left', () => {
  const layout = layoutOf(mkdtempSync(join(tmpdir(), 'hf-runs-')));
  onTestFinished(() => rmSync(layout.dataDir, { recursive: true }));
  mkdirSync(join(layout.runDir, 'abcdefghijklmnopqrst'), { recursive: true });
  const remedyWith = (hasAgent: boolean) => {
    const found = runs({ layout, instanceId: 'i', hasAgent, reading: undefined });
    return found.find(({ check }) => check === 'run files')?.remedy;
  };
  expect(remedyWith(false)).toBe('an agent sorts them');
  expect(remedyWith(true)).toMatch(/^the agent removes them within a minute; what is left/);
});
