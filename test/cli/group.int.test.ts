/** The commands that are about groups, as somebody types them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventsSoFar, Machine, until } from '../acceptance/rig.ts';

const GROUP = `
name: g
tasks:
  - name: seed
    driver: raw_exec
    lifecycle: { hook: prestart }
    config: { command: "true" }
  - name: web
    driver: raw_exec
    leader: true
    shutdownDelay: 10m
    config: { command: sleep, args: ["100000"] }
  - name: fragile
    driver: raw_exec
    lifecycle: { hook: poststart }
    restart: { exitCodes: { "7": hold } }
    config: { command: sh, args: [-c, "exit 7"] }
`;

describe('the commands about groups', () => {
  let machine: Machine;
  afterEach(() => machine.scrap());

  it('begin one anew, resume what is held and hurry its end', { timeout: 120_000 }, async () => {
    machine = new Machine();
    const agent = await machine.startAgent();
    const file = join(machine.dataDir, 'g.yaml');
    writeFileSync(file, GROUP);
    const did = (...args: readonly string[]): string => {
      const { status, stdout, stderr } = machine.holdfast(...args);
      expect([args.join(' '), status, stderr]).toEqual([args.join(' '), 0, expect.any(String)]);
      return `${stdout}${stderr}`;
    };
    const refused = (...args: readonly string[]): readonly [number | null, string] => {
      const { status, stderr } = machine.holdfast(...args);
      return [status, stderr];
    };
    const isHeld = async (run: number): Promise<boolean> => {
      const fragile = (await agent.inspect('g')).tasks[2];
      return fragile?.state === 'held' && fragile.run === run;
    };
    did('run', file);
    await until('a task is held', () => isHeld(1));
    expect(did('ps')).toMatch(/ fragile +raw_exec +held /);
    expect(did('inspect', 'g')).toContain('Policy for exit code 7 is "hold"');
    expect(refused('restart', 'g/fragile')).toEqual([
      4,
      expect.stringContaining('the task is held and cannot be restarted: resume it'),
    ]);
    expect(did('resume', 'g/fragile')).toContain('g/fragile goes on');
    await until('it is held again', () => isHeld(2));
    expect(refused('restart', 'g', '--all', '--running')[0]).toBe(2);
    expect(refused('restart', 'g/web', '--all')[0]).toBe(2);
    expect(did('restart', 'g', '--all')).toContain('g is restarting');
    await until('it is held once more', () => isHeld(3));
    expect(refused('resume', 'g/web')[0]).toBe(4);

    const stop = agent.stop('g');
    await until('it waits', async () => (await agent.inspect('g')).tasks[1]?.state === 'killing');
    did('stop', 'g', '--no-shutdown-delay');
    expect(await stop).toMatchObject({ state: 'stopped' });
    const killings = await eventsSoFar(agent, { ref: 'g/web', types: ['TaskKilling'] });
    expect(killings).toHaveLength(3);
  });
});
