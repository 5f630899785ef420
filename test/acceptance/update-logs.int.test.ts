/** Limits of output that change while a program writes. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { segmentNumbers } from '../../src/output/segments.ts';
import { eventsSoFar, Machine, pidsOf, until } from './rig.ts';

/** Writes three times a thousand lines of a thousand characters when it is told to, numbered. */
const TALKATIVE = `
  $| = 1; my $n = 0; my $asked = 0;
  $SIG{USR1} = sub { $asked += 1 };
  print "up\\n";
  for (;;) {
    select(undef, undef, undef, 0.02);
    next unless $asked; $asked -= 1;
    printf "%06d%s\\n", ++$n, "x" x 993 for 1 .. 3000;
    print "said\\n";
  }`;

let machine: Machine;
let agent: Orchestrator;
beforeEach(async () => {
  machine = new Machine();
  agent = await machine.startAgent();
});
afterEach(() => machine.scrap());

function group(logs: GroupSpecInput['tasks'][number]['logs'], more: object = {}): GroupSpecInput {
  const config = { command: 'perl', args: ['-e', TALKATIVE] };
  return { name: 'talk', tasks: [{ name: 't', driver: 'raw_exec', config, logs, ...more }] };
}

function files(allocId: string): readonly number[] {
  const dir = join(machine.dataDir, 'state', 'logs', allocId);
  return segmentNumbers(readdirSync(dir), { dir, stem: 't', stream: 'stdout' });
}

/** Numbers of the lines that are kept. */
function kept(allocId: string): readonly number[] {
  const lines = machine.outputOf(allocId, 't').split('\n');
  return lines.filter((line) => line.length === 999).map((line) => Number(line.slice(0, 6)));
}

async function speak(allocId: string, times: number): Promise<void> {
  await agent.signal('talk', 'SIGUSR1');
  await until('it has spoken', () => {
    const said = machine.outputOf(allocId, 't').split('said\n').length - 1;
    return said >= 1 && kept(allocId).at(-1) === times * 3_000;
  });
}

const upTo = (count: number): readonly number[] =>
  Array.from({ length: count }, (_one, index) => index + 1);

describe('limits of output', () => {
  it(
    'are told to who collects, and no byte is lost of a program that runs on',
    { timeout: 240_000 },
    async () => {
      const { allocId } = await agent.run(group({ maxFiles: 20, maxFileSizeMb: 20 }));
      const [pid] = await until('it runs', () => pidsOf(agent, 'talk'));
      await until('it is up', () => machine.outputOf(allocId, 't') === 'up\n');
      await speak(allocId, 1);
      const before = files(allocId).length;
      const small = group({ maxFiles: 20, maxFileSizeMb: 1 });
      expect(await agent.plan(small)).toMatchObject({ action: 'in-place' });
      await agent.run(small);
      await until('the hooks have seen to it', async () => {
        const types = ['UpdateCompleted', 'HookFailed'];
        return (await eventsSoFar(agent, { ref: allocId, types })).length > 0;
      });
      await speak(allocId, 2);
      expect(files(allocId).length).toBeGreaterThan(before + 1);
      expect(kept(allocId)).toEqual(upTo(6_000));

      // The next agent, and the next start, find them collected as they are to be.
      await machine.killAgent();
      agent = await machine.startAgent();
      expect(await until('it runs', () => pidsOf(agent, 'talk'))).toEqual([pid]);
      await speak(allocId, 3);
      expect(kept(allocId)).toEqual(upTo(9_000));
      const few = group({ maxFiles: 2, maxFileSizeMb: 1 }, { env: { NEW: '1' } });
      await agent.run(few);
      await until('it runs again', async () => {
        const [task] = (await agent.inspect('talk')).tasks;
        return task?.run === 2 && task.state === 'running';
      });
      expect(await eventsSoFar(agent, { ref: allocId, types: ['HookFailed'] })).toEqual([]);
      expect(await eventsSoFar(agent, { ref: allocId, types: ['TaskKilling'] })).toHaveLength(1);
    },
  );
});
