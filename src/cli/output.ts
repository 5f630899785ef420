/** Data goes to stdout, talk to stderr; both may be anything from a terminal to a pipe whose reader has left. */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { styleText } from 'node:util';
import type { Writable } from 'node:stream';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Writes data and waits while the reader is slow, so that a stopped reader costs nothing but time. */
export async function write(
  data: string | Uint8Array,
  to: Writable = process.stdout,
): Promise<void> {
  if (!to.write(data)) await once(to, 'drain');
}

/** One line for a person. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Coloured on a terminal, plain elsewhere and wherever NO_COLOR is set. */
export function styled(style: Style, text: string): string {
  if (!process.stdout.isTTY) return text;
  return styleText(style, text, { stream: process.stdout });
}

/** `… | head` ends a command quietly: nobody is left to tell. Whatever else goes wrong is one sentence. */
export function endWhereNothingIsRead(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    try {
      writeSync(2, `holdfast: what was asked for cannot be written: ${error.message}\n`);
    } finally {
      process.exit(1);
    }
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? undefined : 1);
  });
}

/** Text of a task or of a driver with control characters made visible, so that it cannot drive a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(2, '0');
    return character === '\n' ? ' ' : `\\x${code}`;
  });
}
