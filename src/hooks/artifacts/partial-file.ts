/** What has come of a file so far, and by what its sender can tell that it is still the same file. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';

export interface Partial {
  readonly file: string;
  readonly bytes: number;
  /** A strong ETag or a date, for `If-Range`. */
  readonly validator: string;
}

function noteOf(file: string): string {
  return `${file}.from`;
}

/** What can be gone on with; undefined: nothing, and nothing is left of what was there. */
export async function findPartial(file: string, url: string): Promise<Partial | undefined> {
  try {
    const note = JSON.parse(await readFile(noteOf(file), 'utf8')) as Record<string, unknown>;
    const { validator } = note;
    const { size: bytes } = await stat(file);
    if (note['url'] === url && typeof validator === 'string' && bytes > 0) {
      return { file, bytes, validator };
    }
  } catch {
    // Nothing there, or a note that an agent died over.
  }
  await dropPartial(file);
  return undefined;
}

/** Called before the first byte of a new answer is written. Weak tags say nothing about bytes. */
export async function notePartial(
  file: string,
  url: string,
  { etag, 'last-modified': date }: IncomingHttpHeaders,
): Promise<void> {
  const validator = etag !== undefined && !etag.startsWith('W/') ? etag : date;
  if (validator === undefined) return rm(noteOf(file), { force: true });
  await writeFile(noteOf(file), JSON.stringify({ url, validator }), { mode: 0o600 });
}

export async function dropPartial(file: string): Promise<void> {
  await rm(noteOf(file), { force: true });
  await rm(file, { force: true });
}
