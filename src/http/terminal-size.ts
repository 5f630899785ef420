import { HoldfastError } from '../errors.ts';
import { readBody } from './fields.ts';
import type { TerminalSize } from '../api.ts';

const SIZE = {
  columns: { type: 'whole', about: 'of the terminal', isRequired: true },
  rows: { type: 'whole', about: 'of the terminal', isRequired: true },
} as const;

/** Throws USAGE. */
export function terminalSize(size: unknown): TerminalSize {
  const { columns, rows } = readBody(size, SIZE) as TerminalSize;
  if (columns >= 1 && rows >= 1 && columns <= 65_535 && rows <= 65_535) return { columns, rows };
  throw new HoldfastError('USAGE', 'a terminal has 1 to 65535 columns and rows');
}
