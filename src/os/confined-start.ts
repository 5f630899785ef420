/** What a run's file `confined` says: how far a child came that gave its rights away before it became the program. */
import { join } from 'node:path';
import { readPlainFile } from './plain-file.ts';

export type ConfinedStart =
  /** Nothing is written yet, or nothing was asked for. */
  | { readonly is: 'under way' }
  /** The next step was the program. */
  | { readonly is: 'entered' }
  /** `code` is one of errors.ts. */
  | { readonly is: 'refused'; readonly code: string; readonly message: string };

/** The file also takes what the tools on the way say: the last line counts. Never throws. */
export function readConfinedStart(dir: string): ConfinedStart {
  let text: string;
  try {
    const found = readPlainFile(join(dir, 'confined'));
    text = found.is === 'text' ? found.text.trim() : '';
  } catch {
    text = '';
  }
  if (text === '') return { is: 'under way' };
  const last = text.slice(text.lastIndexOf('\n') + 1);
  if (last === 'entered') return { is: 'entered' };
  const [, code = 'START_FAILED', message = text] = /^([A-Z]+(?:_[A-Z]+)+): (.*)$/.exec(last) ?? [];
  return { is: 'refused', code, message };
}
