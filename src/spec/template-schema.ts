/** `templates[]` of a task. Loads zod, like every schema file. */
import { z } from 'zod';
import { text } from './schema-parts.ts';

const place = text.refine(
  (path) =>
    !path.startsWith('/') && path.split('/').every((step) => !['', '.', '..'].includes(step)),
  'must be a path below the directory of the task, without ".."',
);

export const templates = z
  .array(
    z
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
      })
      .superRefine(({ data, source }, context) => {
        if ((data === undefined) !== (source === undefined)) return;
        const message = 'needs either data or source';
        context.addIssue({ code: 'custom', path: ['data'], message });
      }),
  )
  .optional()
  .describe('Files that are filled in before each start.');
