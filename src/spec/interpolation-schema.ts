/** How a task's texts are read and what of the agent's environment it gets, as it is written. Loads zod. */
import { z } from 'zod';

const NAME = /^[^=\0*]+$/;

export const hostEnv = z
  .union([z.boolean(), z.array(z.string().regex(NAME, 'must be the name of a variable'))], {
    error: 'must be true, false or a list of names',
  })
  .optional()
  .describe('Variables of the agent that the program gets: all (true) or these. Left out: none.');

export const interpolation = z
  .strictObject({
    unknown: z
      .enum(['error', 'keep'])
      .optional()
      .describe('A reference that is not known keeps the task from starting, or stays as it is.'),
  })
  .optional()
  .describe('How ${…} is read in env, meta, config, user and the sources of mounts.');
