/** `secrets[]` of a task. Loads zod, like every schema file. */
import { z } from 'zod';
import { change, changeProblem, type CheckedChange } from './change-schema.ts';
import { durationMs } from './duration.ts';
import { duration, text } from './schema-parts.ts';

/** What belongs to each provider; `true` for what it cannot do without. */
const OWN = {
  env: { key: false },
  file: { path: true, refresh: false },
  exec: { command: true, timeout: false, refresh: false },
} as const;
const MIN_REFRESH_MS = 1_000;

export const secret = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/,
        'must be 1 to 128 letters, digits, "_", "." or "-", and begin with none of the last two',
      )
      .describe('What texts and templates call it.'),
    provider: z
      .enum(['env', 'file', 'exec'])
      .describe('A variable of the agent, a file of the machine, or the output of a program.'),
    key: text.min(1).optional().describe('env: the variable of the agent. Default: the name.'),
    path: text
      .refine((path) => path.startsWith('/') && !path.split('/').includes('..'), {
        error: 'must be an absolute path without ".."',
      })
      .optional()
      .describe('file: where it is on the machine.'),
    command: z
      .array(text)
      .min(1)
      .refine(([program = '']) => program.startsWith('/'), 'must begin with an absolute path')
      .optional()
      .describe('exec: a program and its arguments, run as the agent is.'),
    timeout: duration.optional().describe('exec: how long it may take. Default 30s.'),
    env: z
      .string()
      .regex(/^[^=\0]+$/, 'must be a name without "=" and NUL')
      .optional()
      .describe('The variable of the program that has it.'),
    file: text
      .refine(isInside, 'must be a path below the secrets directory, without ".."')
      .optional()
      .describe('Below secrets/, for the user of the task only. Default without env: the name.'),
    refresh: duration
      .refine((written) => durationMs(written) >= MIN_REFRESH_MS, 'must be 1s or more')
      .optional()
      .describe('file, exec: fetched again so often while the program runs. Needs changeMode.'),
    ...change,
  })
  .superRefine((written, context) => {
    const problem = refreshProblem(written) ?? changeProblem(written);
    if (problem !== undefined) {
      context.addIssue({ code: 'custom', path: [problem.path], message: problem.message });
    }
    const own: Readonly<Record<string, boolean>> = OWN[written.provider];
    for (const key of ['key', 'path', 'command', 'timeout', 'refresh'] as const) {
      const isThere = written[key] !== undefined;
      if (isThere && own[key] === undefined) {
        const message = `is nothing that the provider ${written.provider} knows`;
        context.addIssue({ code: 'custom', path: [key], message });
      }
      if (!isThere && own[key] === true) {
        const message = `is needed by the provider ${written.provider}`;
        context.addIssue({ code: 'custom', path: [key], message });
      }
    }
  });

/** Nobody can guess whether a program may be ended because of it, or only for it. */
function refreshProblem(
  written: CheckedChange & { readonly refresh?: string | undefined },
): ReturnType<typeof changeProblem> {
  const { refresh, changeMode, splay } = written;
  if (refresh !== undefined && changeMode === undefined) {
    return { path: 'refresh', message: 'needs changeMode: restart, signal, script or noop' };
  }
  if (refresh !== undefined || (changeMode ?? splay) === undefined) return undefined;
  const path = changeMode === undefined ? 'splay' : 'changeMode';
  return { path, message: 'needs refresh: nobody would notice a change' };
}

export const secrets = z
  .array(secret)
  .superRefine((all, context) => {
    for (const key of ['name', 'env', 'file'] as const) {
      for (const [index, one] of all.entries()) {
        const first = all.findIndex((other) => other[key] === one[key]);
        if (one[key] === undefined || first === index) continue;
        const message = `is that of secrets[${first}] too: "${one[key]}"`;
        context.addIssue({ code: 'custom', path: [index, key], message });
      }
    }
  })
  .optional()
  .describe('Fetched before each start. Values are in no log and in no file of the agent.');

function isInside(path: string): boolean {
  const steps = path.split('/');
  return path !== '' && steps.every((step) => step !== '' && step !== '.' && step !== '..');
}

export type CheckedSecret = z.output<typeof secret>;
