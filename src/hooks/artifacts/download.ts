/** One file over http, gone on with where it broke off. */
import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errnoOf, HoldfastError } from '../../errors.ts';
import { shownSource } from '../../spec/artifact-source.ts';
import { diskFault, passing, refused } from './faults.ts';
import { answerTo, networkFault, type Question } from './http-answer.ts';
import { dropPartial, findPartial, notePartial } from './partial-file.ts';

export interface Download extends Omit<Question, 'range'> {
  readonly file: string;
  readonly maxBytes: number;
  /** How long nothing may come. */
  readonly idleTimeoutMs: number;
}

/** Statuses that say "not now". */
const PASSING = new Set([408, 425, 429]);

/** What no network says. */
const OF_DISK = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EACCES', 'ENOENT', 'EMFILE']);

/** The whole file is there when it resolves. What came before a passing fault is kept for the next call. */
export async function download(wish: Download): Promise<void> {
  const idle = idleWatch(wish);
  const signal = AbortSignal.any([wish.signal, idle.signal]);
  try {
    await fetchRest({ ...wish, signal }, idle.touch);
  } catch (error) {
    wish.signal.throwIfAborted();
    throw idle.signal.aborted ? idle.signal.reason : error;
  } finally {
    idle.stop();
  }
}

async function fetchRest(wish: Download, touch: () => void): Promise<void> {
  const found = await findPartial(wish.file, wish.url);
  const range: Record<string, string> = {};
  if (found !== undefined) {
    range['range'] = `bytes=${found.bytes}-`;
    range['if-range'] = found.validator;
  }
  const answer = await answerTo({ ...wish, range });
  touch();
  const { statusCode = 0, headers } = answer;
  const had = found?.bytes ?? 0;
  if (statusCode === 206 && headers['content-range']?.startsWith(`bytes ${had}-`) === true) {
    return receive(wish, answer, had, touch);
  }
  if (statusCode === 200) {
    await dropPartial(wish.file);
    await notePartial(wish.file, wish.url, headers);
    return receive(wish, answer, 0, touch);
  }
  answer.destroy();
  if (found === undefined) throw statusFault(wish.url, answer);
  // All of it was there already, or it is another file now.
  if (statusCode === 416 && headers['content-range'] === `bytes */${had}`) return;
  if (statusCode !== 416 && statusCode !== 206) throw statusFault(wish.url, answer);
  await dropPartial(wish.file);
  return fetchRest(wish, touch);
}

async function receive(
  { url, file, maxBytes, signal }: Download,
  answer: IncomingMessage,
  had: number,
  touch: () => void,
): Promise<void> {
  const tooLarge = (): Error =>
    refused(`${shownSource(url)} is larger than the ${maxBytes} bytes allowed`);
  const announced = Number(answer.headers['content-length'] ?? 0);
  if (had + announced > maxBytes) {
    answer.destroy();
    throw tooLarge();
  }
  let bytes = had;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      touch();
      bytes += chunk.length;
      done(bytes > maxBytes ? tooLarge() : null, chunk);
    },
  });
  const sink = createWriteStream(file, { flags: had > 0 ? 'a' : 'w', mode: 0o600 });
  try {
    await pipeline(answer, counting, sink, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (HoldfastError.is(error)) throw error;
    if (OF_DISK.has(errnoOf(error) ?? '')) throw diskFault('cannot write what is fetched', error);
    throw networkFault(url, new Error(`broke off after ${bytes} bytes`, { cause: error }));
  }
}

function statusFault(url: string, { statusCode = 0, statusMessage = '' }: IncomingMessage): Error {
  const text = `${shownSource(url)} answers ${`${statusCode} ${statusMessage}`.trim()}`;
  return statusCode >= 500 || PASSING.has(statusCode) ? passing(text) : refused(text);
}

interface IdleWatch {
  readonly signal: AbortSignal;
  readonly touch: () => void;
  readonly stop: () => void;
}

function idleWatch({ url, idleTimeoutMs }: Download): IdleWatch {
  const controller = new AbortController();
  const text = `${shownSource(url)} sent nothing for ${idleTimeoutMs / 1000} s`;
  const timer = setTimeout(() => controller.abort(passing(text)), idleTimeoutMs);
  return {
    signal: controller.signal,
    touch: () => void timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}
