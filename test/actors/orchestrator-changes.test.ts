/** What becomes of changes and renewed secrets between the hooks of a task, and from agent to agent. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { defineHook, type HookDoors } from '../../src/hooks/hook.ts';
import type { OrchestratorOptions } from '../../src/orchestrator-options.ts';
import { eventually, MockAgent } from './mock-agent.ts';

const CANARY = 'canary-8e21';

function directory(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'hf-changes-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** What the task was told and what was said about it. */
async function told(agent: MockAgent): Promise<readonly string[]> {
  return (await agent.events('web')).flatMap(({ type, data }) => {
    const { reason, message } = data as Record<string, string>;
    if (type === 'TaskKilling' || type === 'TaskSignaled') return [`${type}: ${reason}`];
    return type === 'HookMessage' ? [String(message)] : [];
  });
}

describe('a hook that renews a secret', () => {
  it('gives it to the hooks that follow, and leaves the program what it has', async () => {
    const agent = new MockAgent();
    let doors: HookDoors | undefined;
    const seen: unknown[] = [];
    const gives = defineHook({
      name: 'gives',
      prestart: async () => ({ secrets: [{ name: 'one', value: 'first', env: 'ONE' }] }),
      async start(_request, given) {
        doors = given;
      },
    });
    const follows = defineHook({
      name: 'follows',
      async start(_request, { secret, found, env, onRenewal }) {
        onRenewal(async () => {
          seen.push([secret('one'), found().env['ONE'], found().env['URL'], env()['ONE']]);
        });
      },
    });
    await agent.open({ hooks: [gives, follows] });
    await agent.start('web', {}, {}, { env: { URL: 'x:${ONE}' } });
    await agent.until('web', 'running');
    await eventually(() => expect(doors).toBeDefined());
    await doors?.renew([{ name: 'one', value: CANARY, env: 'ONE' }]);
    expect(seen).toEqual([[CANARY, CANARY, `x:${CANARY}`, 'first']]);
    await agent.orchestrator.restart('web');
    await eventually(() => expect(agent.world.runs('web')).toHaveLength(2));
    await agent.until('web', 'running');
    await eventually(() => expect(doors?.secret('one')).toBe('first'));
    expect(JSON.stringify(await agent.events())).not.toContain(CANARY);
  });

  it('finds what it noted in the next agent, and before the next start', async () => {
    const agent = new MockAgent();
    const seen: unknown[] = [];
    const notes = defineHook({
      name: 'notes',
      async prestart({ previous }) {
        seen.push(previous);
        return { state: { a: 'given' } };
      },
      async start({ previous }, { note }) {
        seen.push(previous);
        await note({ a: 'noted' });
      },
    });
    await agent.open({ hooks: [notes] });
    await agent.start('web');
    await eventually(async () => expect(await agent.types('web')).toContain('HookNoted'));
    await agent.reopen({ hooks: [notes] });
    await eventually(() => expect(seen).toHaveLength(3));
    await agent.orchestrator.restart('web');
    await eventually(() => expect(seen).toHaveLength(5));
    const [given, noted] = [{ a: 'given' }, { a: 'noted' }];
    expect(seen).toEqual([{}, given, noted, noted, given]);
  });
});

describe('an agent that finds a program running', () => {
  const setUp = (refresh: object) => {
    const dir = directory();
    const path = join(dir, 'secret');
    writeFileSync(path, 'first');
    const options: Partial<OrchestratorOptions> = {
      secrets: { fileRoots: [dir], inMemory: 'off' },
      templates: { fileRoots: [dir] },
    };
    const task = {
      secrets: [{ name: 'one', provider: 'file' as const, path, env: 'ONE', ...refresh }],
      templates: [
        {
          data: `{{ secret.one }} {{ "${dir}/other" | file: "none" }}`,
          destination: 'local/one',
          splay: '0s',
        },
      ],
    };
    return { path, options, task };
  };

  it('does not restart it for a secret that nobody asked to follow, and says so', async () => {
    const agent = new MockAgent();
    const { path, options, task } = setUp({});
    await agent.open(options);
    await agent.start('web', {}, {}, task);
    await agent.until('web', 'running');
    writeFileSync(path, CANARY);
    await agent.reopen(options);
    await eventually(async () =>
      expect(await told(agent)).toEqual([
        'secret "one" is another one by now: the program keeps the one it has',
        expect.stringMatching(/^templates\[0\] \(local\/one\) stays as it is: .*has not got/),
      ]),
    );
    expect(agent.world.runs('web')).toHaveLength(1);
    await agent.orchestrator.restart('web');
    await eventually(() => expect(agent.world.runs('web')).toHaveLength(2));
    expect(JSON.stringify(await agent.events())).not.toContain(CANARY);
  });

  it('restarts it once for one that is followed, and never for one that is as it was', async () => {
    const agent = new MockAgent();
    const { path, options, task } = setUp({ refresh: '1h', changeMode: 'noop' });
    await agent.open(options);
    await agent.start('web', {}, {}, task);
    await agent.until('web', 'running');
    await agent.reopen(options);
    await agent.until('web', 'running');
    writeFileSync(path, CANARY);
    await agent.reopen(options);
    await eventually(async () => {
      await agent.clock.advance('1s');
      expect(agent.world.runs('web')).toHaveLength(2);
    });
    await agent.until('web', 'running');
    await agent.reopen(options);
    await agent.until('web', 'running');
    const killing = 'TaskKilling: Template with change_mode restart re-rendered';
    expect(await told(agent)).toEqual([killing]);
    expect(JSON.stringify(await agent.events())).not.toContain(CANARY);
  });
});
