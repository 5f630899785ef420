/** Lines of `NAME=value`, as systemd and Docker read them, for variables. Pure. */
import { HoldfastError } from '../../errors.ts';

const LINE = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/s;

/**
 * `#` begins a comment line. Within single quotes everything is itself; within double quotes the escapes of JSON are
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
    const plain = unquoted(value);
    if (plain.includes('\0')) {
      const text = `line ${index + 1} has a NUL in it, which no variable can have`;
      throw new HoldfastError('HOOK_FAILED', text);
    }
    found.set(name, plain);
  }
  return [...found];
}

function unquoted(value: string): string {
  if (/^'[^']*'$/.test(value)) return value.slice(1, -1);
  if (!/^"(?:[^"\\]|\\.)*"$/s.test(value)) return value;
  const inner = value.slice(1, -1);
  return inner.replaceAll(/\\(u[\da-fA-F]{4}|.)/gs, (_all, escape: string) => {
    if (escape.length > 1) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return ESCAPES[escape] ?? escape;
  });
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };
