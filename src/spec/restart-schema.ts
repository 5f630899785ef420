/** When a task runs again. What is checked between its values stands in `restart-rules.ts`. */
import { z } from 'zod';
import { exitRuleOf } from './exit-rules.ts';
import { duration } from './schema-parts.ts';

export const restart = z.strictObject({
  attempts: z.int().min(0).optional().describe('Restarts allowed within the interval.'),
  interval: duration.optional(),
  delay: duration.optional().describe('Pause before a restart; up to 25 % is added by chance.'),
  backoff: z
    .enum(['constant', 'exponential'])
    .optional()
    .describe('Whether the pause doubles with every restart. Default constant.'),
  maxDelay: duration
    .optional()
    .describe('The longest pause of an exponential backoff. Default "5m".'),
  resetAfter: duration
    .optional()
    .describe('A run that lives so long makes the restarts before it forgotten.'),
  exitCodes: z
    .record(
      z
        .string()
        .refine(
          (on) => exitRuleOf(on, 'fail') !== undefined,
          'must be an exit code, a range or a signal, such as "75", "64-78" or "SIGSEGV"',
        ),
      z.enum(['complete', 'restart', 'fail', 'hold']),
    )
    .optional()
    .describe('What follows an exit code, a range of them or a signal, whatever the rest says.'),
  mode: z
    .enum(['fail', 'delay', 'hold'])
    .optional()
    .describe(
      'When the attempts are used up: give up, wait for the next interval, or keep everything for inspection.',
    ),
  onLost: z
    .enum(['restart', 'fail'])
    .optional()
    .describe('What to do about a run whose end nobody saw. Services restart, batch tasks fail.'),
});
