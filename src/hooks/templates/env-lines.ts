/** Lines of `NAME=value`, as systemd and Docker read them, for variables. Pure. */
import { HoldfastError } from '../../errors.ts';

const LINE = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/;

/**
 * `#` begins a comment line. Within single quotes everything is itself; within double quotes `\n`, `\"` and `\\` are
 * read. The last of two of one name wins. Errors: HOOK_FAILED with the number of the line and nothing of it.
 */
export function envLines(text: string): readonly (readonly [name: string, value: string])[] {
  const found = new Map<string, string>();
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const line = written.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value = ''] = LINE.exec(line) ?? [];
    if (name === undefined) {
      throw new HoldfastError('HOOK_FAILED', `line ${index + 1} is not NAME=value`);
    }
    found.set(name, unquoted(value));
  }
  return [...found];
}

function unquoted(value: string): string {
  if (/^'[^']*'$/.test(value)) return value.slice(1, -1);
  if (!/^"(?:[^"\\]|\\.)*"$/.test(value)) return value;
  const inner = value.slice(1, -1);
  return inner.replaceAll(/\\(.)/g, (_all, letter: string) => (letter === 'n' ? '\n' : letter));
}
