/** `dispatchPayload` of a task. Loads zod, like every schema file. */
import { z } from 'zod';
import { text } from './schema-parts.ts';

export const dispatchPayload = z
  .strictObject({
    file: text
      .refine(
        (path) => path.split('/').every((step) => step !== '' && step !== '.' && step !== '..'),
        'must be a path below the local directory, without ".."',
      )
      .describe('Below local/, for the user of the task only.'),
  })
  .optional()
  .describe('A file with the payload that the group was run with.');
