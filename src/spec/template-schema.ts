/** `templates[]` of a task. Loads zod, like every schema file. */
import { z } from 'zod';
import { change, changeProblem } from './change-schema.ts';
import { durationMs } from './duration.ts';
import { duration, text } from './schema-parts.ts';

const place = text.refine(
  (path) =>
    !path.startsWith('/') && path.split('/').every((step) => !['', '.', '..'].includes(step)),
  'must be a path below the directory of the task, without ".."',
);

const wait = z
  .strictObject({
    min: duration.describe('Changes are gathered until there was none for so long.'),
    max: duration.optional().describe('And so long at most. Default: four times min.'),
  })
  .refine(({ min, max = min }) => durationMs(max) >= durationMs(min), {
    path: ['max'],
    error: 'must not be less than min',
  });

const template = z
  .strictObject({
    data: text.optional().describe('The template itself: Liquid.'),
    source: place.optional().describe('The file that it is in, such as one of an artifact.'),
    destination: place.describe('Below the task directory, such as secrets/app.conf.'),
    perms: z
      .string()
      .regex(/^0?[0-7]{3}$/, 'must be octal, such as "0640"')
      .default('0600')
      .describe('For the user of the task. Default 0600: what is filled in may be a secret.'),
    env: z
      .boolean()
      .default(false)
      .describe('The file says NAME=value a line, and the program gets them as variables.'),
    errorOnMissingKey: z
      .boolean()
      .default(true)
      .describe('What is not known keeps the task from starting. Otherwise it is empty.'),
    once: z
      .boolean()
      .optional()
      .describe('Filled in before the first start and never again. Default false.'),
    wait: wait.optional().describe('How changes are gathered. Default: min 5s, max 4m.'),
    ...change,
  })
  .superRefine((written, context) => {
    const problem = templateProblem(written) ?? changeProblem(written);
    if (problem === undefined) return;
    context.addIssue({ code: 'custom', path: [problem.path], message: problem.message });
  });

function templateProblem(
  written: Pick<CheckedTemplate, 'data' | 'source' | 'env' | 'once' | 'changeMode' | 'wait'>,
): ReturnType<typeof changeProblem> {
  const { data, source, env, once, changeMode, wait } = written;
  if ((data === undefined) === (source === undefined)) {
    return { path: 'data', message: 'needs either data or source' };
  }
  if (env && changeMode === 'signal') {
    const message = 'cannot be "signal" with env: a program that runs keeps its variables';
    return { path: 'changeMode', message };
  }
  if (once !== true) return undefined;
  if (env)
    return { path: 'once', message: 'does not go with env: variables are made at each start' };
  const other = changeMode !== undefined ? 'changeMode' : wait !== undefined ? 'wait' : undefined;
  return other && { path: other, message: 'does not go with once: nothing follows a change' };
}

export const templates = z
  .array(template)
  .superRefine((all, context) => {
    for (const [index, { destination }] of all.entries()) {
      const first = all.findIndex((other) => other.destination === destination);
      if (first === index) continue;
      const message = `is that of templates[${first}] too: "${destination}"`;
      context.addIssue({ code: 'custom', path: [index, 'destination'], message });
    }
  })
  .optional()
  .describe('Files that are filled in before each start, and again when what is in them changes.');

export type CheckedTemplate = z.output<typeof template>;
