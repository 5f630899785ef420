/** When a task of a group runs, and what its end means for the others. */
import { z } from 'zod';

export const lifecycle = z.strictObject({
  hook: z
    .enum(['prestart', 'poststart', 'poststop'])
    .describe(
      'prestart: before the main tasks. poststart: when they have started. poststop: when all others have ended.',
    ),
  sidecar: z
    .boolean()
    .optional()
    .describe('It runs beside the main tasks until they have ended, instead of to its own end.'),
});
