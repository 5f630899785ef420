/** Whatever may stand in a variable: quotes, newlines, dollars, other planes; no NUL, no half of a character. */
import fc from 'fast-check';

const ODD = ['"', "'", '\n', '\r', '\\', '`', '=', ' ', '\t', '%', '\u2028', '🜚'];
const DOLLARS = ['$', '${', '}', '$$', '${V1}', '${a.b-c}'];
const SPICE = fc.constantFrom(...ODD, ...DOLLARS);

export const ODD_VALUE = fc
  .array(fc.oneof(SPICE, SPICE, fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 8 })
  .map((parts) => parts.join('').replaceAll('\0', ''));

/** Written so that reading it gives the value: what would be a reference is told to be text. */
export function asWritten(value: string): string {
  return value.replaceAll(/\$\{[A-Za-z0-9_.-]+\}/g, (reference) => `$${reference}`);
}
