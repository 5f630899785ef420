/**
 * Fills in the templates of a task before each start, with what the hooks before this one gave. Variables made of a
 * template are secrets: nobody can tell which part of a file was one.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { HoldfastError } from '../errors.ts';
import type { TemplateSpec } from '../spec/template-spec.ts';
import { below, openBelow } from './artifacts/directories.ts';
import { diskFault } from './artifacts/faults.ts';
import { defineHook, type GivenSecret, type HookDoors, type HookRequest } from './hook.ts';
import { placeFile } from './place-file.ts';
import { envLines } from './templates/env-lines.ts';
import type { Names } from './templates/fill-in.ts';

const LONGEST_BYTES = 1_048_576;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export const templates = defineHook({
  name: 'templates',
  when: ({ templates: all = [] }) => all.length > 0,
  async prestart(request, doors) {
    const secrets: GivenSecret[] = [];
    const names = namesOf(request, doors);
    const owner = await doors.drivers.ownerOf(request.task);
    for (const [index, template] of (request.task.templates ?? []).entries()) {
      try {
        const content = await filledIn(request, template, names);
        const steps = template.destination.split('/');
        const mode = Number.parseInt(template.perms, 8);
        await placeFile({ root: request.dirs.task, steps, content, mode, owner });
        if (template.env) secrets.push(...variablesOf(index, content));
      } catch (error) {
        doors.signal.throwIfAborted();
        const { code, message, retryable } = HoldfastError.from(error);
        const text = `templates[${index}] (${template.destination}): ${message}`;
        throw new HoldfastError(code, text, { retryable });
      }
    }
    return { secrets };
  },
});

function namesOf({ task }: HookRequest, { env, secret }: HookDoors): Names {
  const known = (task.secrets ?? []).flatMap(({ name }) => {
    const value = secret(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { env: env(), secret: Object.fromEntries(known) };
}

async function filledIn(
  request: HookRequest,
  { data, source = '', errorOnMissingKey }: TemplateSpec,
  names: Names,
): Promise<string> {
  const template = data ?? (await readSource(request, source));
  // Loaded by those who have templates.
  const { fillIn } = await import('./templates/fill-in.ts');
  return fillIn(template, names, errorOnMissingKey);
}

/** Through no link: the task may have put one there, and the agent may read more than it. */
async function readSource({ dirs }: HookRequest, source: string): Promise<string> {
  const steps = source.split('/');
  const dir = await openBelow(dirs.task, steps.slice(0, -1), undefined);
  try {
    await using file = await open(below(dir, steps.at(-1) ?? ''), READ);
    const found = await file.stat();
    if (!found.isFile()) throw new HoldfastError('HOOK_FAILED', `${source} is no file`);
    if (found.size > LONGEST_BYTES)
      throw new HoldfastError('HOOK_FAILED', `${source} is over 1 MiB`);
    return await file.readFile('utf8');
  } catch (error) {
    throw diskFault(`cannot read ${source}`, error);
  } finally {
    await dir.close();
  }
}

function variablesOf(index: number, content: string): readonly GivenSecret[] {
  return envLines(content).map(([env, value]) => ({
    name: `template.${index}.${env}`,
    value,
    env,
  }));
}
