import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { artifactsHook } from '../../src/hooks/artifacts.ts';
import { ARTIFACT_RULES, artifactRules } from '../../src/hooks/artifacts/rules.ts';
import type { HookDoors, HookRequest, PrestartResult } from '../../src/hooks/hook.ts';
import { HookRegistry } from '../../src/hooks/registry.ts';
import type { ArtifactSpec } from '../../src/spec/artifact-spec.ts';
import { taskSpec } from '../machines/stories.ts';
import { place, serving, web, type Place } from './artifacts/fetching.ts';

const hook = artifactsHook();

interface Told {
  readonly given: PrestartResult | undefined;
  readonly fault: string | undefined;
  readonly messages: readonly string[];
}

async function prestart(
  where: Place,
  wishes: readonly (Partial<ArtifactSpec> & { source: string })[],
  previous: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const artifacts = wishes.map((wish): ArtifactSpec => {
    return { destination: 'local', mode: 'any', ...wish };
  });
  const messages: string[] = [];
  const request = { task: taskSpec({ artifacts }), dirs: where.dirs, previous } as never;
  const doors = {
    signal: new AbortController().signal,
    message: (text: string) => void messages.push(text),
    env: () => ({}),
    read: (_where: string, text: string) =>
      text.replace('${PART}', 'a').replace('${SECRET}', 'geheim'),
    drivers: { ownerOf: () => Promise.resolve(undefined) },
  } as unknown as HookDoors;
  try {
    const given = (await hook.prestart?.(request, doors)) as PrestartResult;
    return { given, fault: undefined, messages };
  } catch (error) {
    return { given: undefined, fault: (error as Error).message, messages };
  }
}

it('what an agent allows of artifacts is what is left out, too', () => {
  const rules = artifactRules({ maxBytes: 5, maxRatio: undefined } as never);
  expect(rules).toEqual({ ...ARTIFACT_RULES, maxBytes: 5 });
});

describe('the hook artifacts', () => {
  it('is part of the plan of who wants something, when the directories are there', () => {
    const artifacts = [{ source: 'https://x', destination: 'local', mode: 'any' as const }];
    const plan = new HookRegistry([]).planFor(taskSpec({ artifacts }));
    expect(plan).toEqual(['validate', 'task-dir', 'artifacts', 'logmon']);
    expect(new HookRegistry([]).planFor(taskSpec({}))).not.toContain('artifacts');
  });

  it('tells what it does, and is done for good', async () => {
    const where = place();
    const { url } = await serving('abc');
    const { given, messages } = await prestart(where, [{ source: `${url}/a` }]);
    expect(given?.isDone).toBe(true);
    expect(Object.values(given?.state ?? {})).toEqual(['fetched']);
    expect(messages).toEqual(['Downloading Artifacts', `fetched ${url}/a (3 bytes) to local/a`]);
  });

  it('asks for three at a time, and for the same thing once', async () => {
    const where = place();
    let open = 0;
    let most = 0;
    const { url, asked } = await web((_request, response) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open -= 1;
        response.end('x');
      }, 20);
    });
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'a'];
    const { fault } = await prestart(
      where,
      names.map((name) => ({ source: `${url}/${name}` })),
    );
    expect(fault).toBeUndefined();
    expect(asked).toHaveLength(7);
    expect(most).toBeLessThanOrEqual(3);
    expect(readdirSync(join(where.dirs.task, 'local')).toSorted()).toEqual(names.slice(0, 7));
  });

  it('does not fetch again what another agent had fetched, nor what the task has changed since', async () => {
    const where = place();
    let isBroken = true;
    const { url, asked } = await web(({ url: path }, response) => {
      if (path === '/late' && isBroken) response.writeHead(503).end();
      else response.end('new');
    });
    const early = { source: `${url}/early` };
    // One after the other: the first is done when the second fails.
    const wishes = [early, { source: `${url}/late` }];
    await prestart(where, [early]);
    const { fault } = await prestart(where, wishes);
    expect(fault).toBe(`artifact ${url}/late: ${url}/late answers 503 Service Unavailable`);
    writeFileSync(join(where.dirs.task, 'local/early'), 'changed by the task');
    isBroken = false;
    const { given } = await prestart(where, wishes);
    expect(asked.map((one) => one.url)).toEqual(['/early', '/late', '/late']);
    expect(readFileSync(join(where.dirs.task, 'local/early'), 'utf8')).toBe('changed by the task');
    const again = await prestart(where, wishes, given?.state);
    expect(again.messages).toEqual([]);
    expect(asked).toHaveLength(3);
  });

  it('fetches again what is asked for in another way', async () => {
    const where = place();
    const { url, asked } = await serving('x');
    const { given } = await prestart(where, [{ source: `${url}/a` }]);
    await prestart(where, [{ source: `${url}/a`, destination: 'elsewhere' }], given?.state);
    expect(asked).toHaveLength(2);
  });

  it('reads what its texts name, and keeps asking for nothing that it has by its written name', async () => {
    const where = place();
    const { url, asked } = await serving('x');
    const wish = { source: `${url}/\${PART}`, headers: { 'x-part': '${PART}' } };
    const { given } = await prestart(where, [wish]);
    expect(asked[0]?.url).toBe('/a');
    expect(asked[0]?.headers['x-part']).toBe('a');
    expect((await prestart(where, [wish], given?.state)).messages).toEqual([]);
  });

  it('tells nobody what its texts stand for', async () => {
    const { url } = await web((_request, response) => response.writeHead(404).end());
    const { fault } = await prestart(place(), [{ source: `${url}/x/\${SECRET}` }]);
    const shown = `${url}/x/\${SECRET}`;
    expect(fault).toBe(`artifact ${shown}: ${shown} answers 404 Not Found`);
  });

  it('warns of checksums that can be forged', async () => {
    const { url } = await serving('abc');
    const checksum = 'sha1:a9993e364706816aba3e25717850c26c9cd0d89d';
    const { messages } = await prestart(place(), [{ source: `${url}/a`, checksum }]);
    expect(messages).toContain('a checksum is SHA-1, which can be forged: use sha256');
  });

  it('works where no task comes, and takes its place away in the end', async () => {
    const where = place();
    const { url } = await serving('x');
    await prestart(where, [{ source: `${url}/a` }]);
    const room = join(dirname(where.dirs.task), '.artifacts');
    expect(statSync(room).mode & 0o777).toBe(0o700);
    await hook.cleanup?.({ dirs: where.dirs } as HookRequest, {} as HookDoors);
    expect(existsSync(join(room, 'web'))).toBe(false);
    await hook.cleanup?.({ dirs: where.dirs } as HookRequest, {} as HookDoors);
  });
});
