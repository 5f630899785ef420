/** What every block of the group file is written with. Loads zod: only schema files import it. */
import { z } from 'zod';
import { durationMs } from './duration.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const NAME_RULE =
  'must be 1 to 64 letters, digits, "_", "." or "-", and begin with a letter or a digit';
const DURATION_RULE = 'must be a duration with a unit, such as "30s" or "3m"';

export const name = z.string().regex(NAME, NAME_RULE);
export const duration = z
  .string({ error: DURATION_RULE })
  .regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, { error: DURATION_RULE, abort: true })
  .refine((written) => Number.isSafeInteger(durationMs(written)), 'is longer than can be counted')
  .describe('A duration with a unit: "500ms", "15s", "3m", "1h30m", "1d".');
export const text = z.string().refine((value) => !value.includes('\0'), 'must not contain NUL');
export const freeText = z.record(z.string(), text);
