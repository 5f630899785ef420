/** `holdfast gc`, as somebody types it, on allocs with real files. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Machine, until } from '../acceptance/rig.ts';

let machine: Machine;
afterEach(() => machine.scrap());

const GROUP = (name: string, script: string): string =>
  JSON.stringify({
    name,
    type: 'batch',
    tasks: [{ name: 't', driver: 'raw_exec', config: { command: 'sh', args: ['-c', script] } }],
  });

it(
  'takes what has ended, says by which rule, and waits for readers',
  { timeout: 120_000 },
  async () => {
    machine = new Machine();
    const agent = await machine.startAgent('--keep-finished-for', '12h', '--max-disk', '100');
    const dirOf = (allocId: string): string => join(machine.dataDir, 'allocs', allocId);
    const ran = async (name: string, script: string): Promise<string> => {
      const file = join(machine.dataDir, `${name}.json`);
      writeFileSync(file, GROUP(name, script));
      const { stdout, status, stderr } = machine.holdfast('run', file, '--wait');
      expect([status, stderr]).toEqual([0, expect.any(String)]);
      return stdout.trim().split('\n')[0] ?? '';
    };
    const [one, two] = [
      await ran('one', 'echo hello; touch kept'),
      await ran('two', 'seq 3000000'),
    ];
    expect([existsSync(dirOf(one)), existsSync(dirOf(two))]).toEqual([true, true]);

    const dry = machine.holdfast('gc', '--all', '--dry-run');
    expect(dry.stdout).toMatch(/^ALLOC +ID +STATE +ENDED +RULE +OUTCOME +WHY\n/);
    expect(dry.stdout).toMatch(/^one +\S+ +complete +\S+Z +wish +due$/m);
    expect(dry.stderr).toMatch(/^2 allocs would be removed; the disk is \d+% full/);
    expect(machine.holdfast('gc').stderr).toMatch(/^0 allocs removed; /);

    const reading = agent.logs('two/t')[Symbol.asyncIterator]();
    await reading.next();
    const refused = machine.holdfast('gc', 'two');
    expect([refused.status, refused.stdout]).toEqual([
      4,
      expect.stringMatching(/^two .* read +its output is being read$/m),
    ]);
    expect(existsSync(dirOf(two))).toBe(true);
    const all = machine.holdfast('gc', '--all', '--json');
    expect(JSON.parse(all.stdout)).toMatchObject({
      entries: [
        { alloc: 'one', outcome: 'removed', rule: 'wish' },
        { alloc: 'two', outcome: 'read' },
      ],
    });
    expect([existsSync(dirOf(one)), existsSync(dirOf(two))]).toEqual([false, true]);
    await reading.return?.();
    await until('nobody reads', () => machine.holdfast('gc', 'two').status === 0);
    expect(existsSync(join(machine.dataDir, 'state', 'logs', two))).toBe(false);
    expect([
      machine.holdfast('gc', 'two').status,
      machine.holdfast('gc', 'x', '--all').status,
    ]).toEqual([3, 2]);
  },
);
