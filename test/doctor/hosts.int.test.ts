/** What a doctor says of hosts whose files somebody has removed. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { Machine, runningPid } from '../acceptance/rig.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
let machine: Machine;

beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

function examine(): Finding[] {
  const args = ['doctor', '--json', '--data-dir', machine.dataDir];
  return JSON.parse(spawnSync(bin, args, { encoding: 'utf8' }).stdout) as Finding[];
}

const by = (findings: readonly Finding[], check: string): readonly Finding[] =>
  findings.filter((one) => one.check === check);

describe('a doctor', () => {
  it('names the script of the shim that was removed, which the next start writes again', async () => {
    const agent = await machine.startAgent();
    await runningPid(agent, 'count');
    const hosts = join(machine.dataDir, 'state', 'hosts');
    const scripts = (): string[] => readdirSync(hosts).filter((name) => name.startsWith('shim-'));
    for (const name of scripts()) rmSync(join(hosts, name));
    expect(by(examine(), 'shim')[0]?.message).toContain(`${hosts}/shim-*, was removed`);
    await runningPid(agent, 'more');
    expect(scripts()).toHaveLength(1);
    expect(by(examine(), 'shim')).toEqual([]);
  });

  it('names a living host whose directory was removed, and how to go on', async () => {
    await runningPid(await machine.startAgent(), 'count');
    const executor = machine.hostPid('executor') as number;
    const hosts = join(machine.dataDir, 'state', 'hosts');
    const id = readdirSync(hosts).find((name) => {
      const address = join(hosts, name, 'address.json');
      return existsSync(address) && readFileSync(address, 'utf8').includes(`"pid":${executor},`);
    });
    rmSync(join(hosts, id as string), { recursive: true });
    const [finding] = by(examine(), 'host').filter(({ level }) => level === 'warn');
    expect(finding?.message).toContain(`host ${id} lives (pid ${executor}), and its directory`);
    expect(finding?.remedy).toContain(`kill -9 ${executor}`);
  });
});
