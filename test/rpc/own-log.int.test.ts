import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../fixtures/talkative.ts', import.meta.url));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-own-log-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

async function talk(log: string, own: string, lines: number): Promise<void> {
  const fd = openSync(log, 'a', 0o600);
  const child = spawn(process.execPath, [PROGRAM, own, '10000', String(lines)], {
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  await once(child, 'exit');
}

describe('a log of a process itself', () => {
  it('is begun anew when it is large, and what came before is kept once, without a line lost between', async () => {
    const log = join(dir, 'agent.log');
    await talk(log, log, 350);
    expect(readdirSync(dir).toSorted()).toEqual(['agent.log', 'agent.log.1']);
    const text = readFileSync(`${log}.1`, 'utf8') + readFileSync(log, 'utf8');
    const numbers = text
      .split('\n')
      .slice(0, -2)
      .map((line) => Number.parseInt(line, 10));
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    expect([numbers.at(-1), text.endsWith('the end\n')]).toEqual([349, true]);
    for (const name of readdirSync(dir))
      expect(statSync(join(dir, name)).size).toBeLessThan(10_200);
  });

  it('stays what it is when stderr goes elsewhere', async () => {
    const elsewhere = join(dir, 'elsewhere');
    await talk(elsewhere, join(dir, 'missing', 'agent.log'), 200);
    expect(readdirSync(dir)).toEqual(['elsewhere']);
    expect(statSync(elsewhere).size).toBe(20_008);
  });
});
