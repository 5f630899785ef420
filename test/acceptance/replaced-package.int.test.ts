import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countingGroup, faultInCount, Machine, pidsOf, until } from './rig.ts';

const HERE = new URL('../../', import.meta.url).pathname;

describe('a package directory that is replaced under running hosts', () => {
  let home: string;
  let machine: Machine;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'hf-package-'));
    const copy = join(home, 'holdfast');
    for (const part of ['bin', 'src', 'package.json']) {
      cpSync(join(HERE, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(HERE, 'node_modules'), join(copy, 'node_modules'));
    machine = new Machine(join(copy, 'bin', 'holdfast'));
  });
  afterEach(async () => {
    await machine.scrap();
    rmSync(home, { recursive: true, force: true });
  });

  it('changes nothing for them: launch, stop and logs still work', async () => {
    const agent = await machine.startAgent();
    const before = await agent.run(countingGroup('before', 2));
    const pids = await until('the first alloc runs', () => pidsOf(agent, before.allocId));
    const hosts = [machine.hostPid('executor'), machine.hostPid('logmon')];
    const copy = join(home, 'holdfast');
    renameSync(copy, `${copy}.old`);
    rmSync(`${copy}.old`, { recursive: true, force: true });
    mkdirSync(join(copy, 'src'), { recursive: true });
    writeFileSync(join(copy, 'src', 'index.ts'), 'throw new Error("another version");');

    const after = await agent.run(countingGroup('after', 2));
    await until('the second alloc runs', () => pidsOf(agent, after.allocId));
    expect([machine.hostPid('executor'), machine.hostPid('logmon')]).toEqual(hosts);
    expect(await pidsOf(agent, before.allocId)).toEqual(pids);
    const leave = new AbortController();
    for await (const chunk of agent.logs('after/t1', { follow: true, signal: leave.signal })) {
      expect(new TextDecoder().decode(chunk.data)).toMatch(/^1\n/);
      leave.abort();
    }
    for (const ref of [before.allocId, after.allocId]) {
      expect((await agent.stop(ref)).state).toBe('stopped');
      for (const task of ['t0', 't1']) {
        expect(faultInCount(machine.outputOf(ref, task))).toBeUndefined();
      }
    }
  });
});
