/** Images on their way to an engine: pulled by it, or brought as a tar. */
import type { Readable } from 'node:stream';
import type { Engine } from './engine.ts';
import { callEngine, type CallWish, type EnginePlace, faultOf } from './engine-call.ts';
import { EngineError } from './engine-error.ts';
import { type Json, parsed, textOf } from './engine-json.ts';

export async function pull(
  place: EnginePlace,
  ref: string,
  { auth, onProgress, signal }: Parameters<Engine['pullImage']>[1],
): Promise<void> {
  const [name, tag] = splitTag(ref);
  const path = `/images/create?fromImage=${encodeURIComponent(name)}&tag=${encodeURIComponent(tag)}`;
  const header = auth && Buffer.from(JSON.stringify(auth)).toString('base64url');
  const headers = header === undefined ? {} : { 'x-registry-auth': header };
  const wish = { method: 'POST', path, headers, signal } as const;
  await readLines(place, wish, ({ status, id }) => onProgress?.(textOf(status), textOf(id)));
}

export async function load(
  place: EnginePlace,
  tar: Readable,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const headers = { 'content-type': 'application/x-tar' };
  const wish = {
    method: 'POST',
    path: '/images/load?quiet=1',
    headers,
    body: tar,
    signal,
  } as const;
  const names: string[] = [];
  await readLines(place, wish, ({ stream }) => {
    const name = /^Loaded image(?: ID)?: (\S+)/.exec(textOf(stream))?.[1];
    if (name !== undefined) names.push(name);
  });
  return names;
}

/** The lines of an answer that goes on for as long as the work does. One that tells an error fails the call. */
async function readLines(
  place: EnginePlace,
  wish: CallWish,
  onLine: (line: Json) => void,
): Promise<void> {
  const answer = await callEngine(place, wish);
  let rest = '';
  const read = (text: string): void => {
    if (text.trim() === '') return;
    const line = parsed(text, wish);
    if (line['error'] === undefined) return onLine(line);
    throw new EngineError('refused', textOf(line['error']), { status: 404 });
  };
  answer.setEncoding('utf8');
  try {
    for await (const chunk of answer) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(read);
    }
  } catch (error) {
    throw faultOf(error, wish, true);
  }
  read(rest);
  if (!answer.complete) throw new EngineError('broken', `${wish.path.split('?', 1)[0]} broke off`);
}

/** A colon after the last slash is that of a tag; a digest goes with the name of its own accord. */
function splitTag(ref: string): readonly [name: string, tag: string] {
  const digest = ref.indexOf('@');
  if (digest !== -1) return [ref.slice(0, digest), ref.slice(digest + 1)];
  const colon = ref.indexOf(':', ref.lastIndexOf('/') + 1);
  return colon === -1 ? [ref, 'latest'] : [ref.slice(0, colon), ref.slice(colon + 1)];
}
