/** A group file as a value with positions. YAML 1.2 (core schema) or JSON; `-` is standard input. */
import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { locator } from './spec-positions.ts';
import type { Document } from 'yaml';
import type { SpecSource } from '../spec/checked-input.ts';

const LIMIT_BYTES = 1024 * 1024;
const EMPTY = 'is empty: a group needs a name and tasks';

export interface SpecFile {
  readonly value: unknown;
  readonly source: SpecSource;
}

/**
 * Errors, each one line that begins with the file: NOT_FOUND (no such file), PERMISSION_DENIED, SPEC_INVALID
 * (a directory, empty, over 1 MiB, not UTF-8, several documents, or wrong YAML or JSON with line and column).
 */
export async function readSpecFile(
  path: string,
  what: 'group' | 'configuration' = 'group',
): Promise<SpecFile> {
  const file = path === '-' ? 'stdin' : path;
  const text = await readText(path, file, what);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    lineCounter: lines,
    prettyErrors: false,
  });
  const fault = document.errors[0] ?? document.warnings[0];
  // Tabs may indent JSON but not YAML, so that what is JSON is asked first there.
  const json = extname(path) === '.json' ? parseJson(text) : undefined;
  const isJson = json !== undefined && 'value' in json;
  if (fault !== undefined && (!isJson || fault.code === 'DUPLICATE_KEY')) {
    const position = (isJson ? undefined : json?.position) ?? fault.pos[0];
    const { line, col } = lines.linePos(position);
    const words =
      isJson || json === undefined ? faultText(fault.code, fault.message, what) : json.fault;
    throw invalid(`${file}:${line}:${col}`, words);
  }
  const value = isJson ? json.value : toValue(document, file);
  // Nothing at all configures nothing.
  if (value === null && what === 'group') throw invalid(file, EMPTY);
  return { value: value ?? {}, source: { file, locate: locator(document, lines) } };
}

/** `file` is what errors call it: those of `readSpecFile` about what is no text. */
export async function readText(path: string, file: string, what = 'group'): Promise<string> {
  const bytes = await readBytes(path).catch((error: unknown) => {
    throw readError(file, error);
  });
  if (bytes.length > LIMIT_BYTES) throw invalid(file, `is larger than 1 MiB: no ${what} is`);
  if (!isUtf8(bytes)) throw invalid(file, 'is not text in UTF-8');
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  if (text.trim() === '' && what === 'group') throw invalid(file, EMPTY);
  return text;
}

/** What a group is to be run with; `-` is standard input. Errors: those of `readSpecFile` about the file itself. */
export async function readPayloadFile(path: string): Promise<Uint8Array> {
  const file = path === '-' ? 'stdin' : path;
  return readBytes(path).catch((error: unknown) => {
    throw readError(file, error);
  });
}

/** At most one byte more than is allowed, whatever the file is. */
async function readBytes(path: string): Promise<Buffer> {
  await using handle = path === '-' ? undefined : await open(path);
  const stream = handle?.createReadStream({ autoClose: false }) ?? process.stdin;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stream) {
    parts.push(part as Buffer);
    size += (part as Buffer).length;
    if (size > LIMIT_BYTES) break;
  }
  return Buffer.concat(parts);
}

function readError(file: string, error: unknown): HoldfastError {
  const errno = errnoOf(error);
  if (errno === 'ENOENT' || errno === 'ENOTDIR') {
    return new HoldfastError('NOT_FOUND', `${file}: there is no such file`);
  }
  if (errno === 'EACCES' || errno === 'EPERM') {
    return new HoldfastError('PERMISSION_DENIED', `${file}: you may not read this file`);
  }
  if (errno === 'EISDIR') return invalid(file, 'is a directory, not a file');
  return invalid(file, `cannot be read: ${messageOf(error)}`);
}

function faultText(code: string, message: string, what: string): string {
  if (code === 'MULTIPLE_DOCS') return `begins a second document: a file holds one ${what}`;
  if (code === 'DUPLICATE_KEY') return 'repeats a key of the same map';
  const [line = ''] = message.split('\n');
  return `is not YAML: ${lowerFirst(line)}`;
}

interface JsonFault {
  readonly fault: string;
  /** Not every message of V8 has one. */
  readonly position: number | undefined;
}

function parseJson(text: string): { value: unknown } | JsonFault {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    const message = messageOf(error);
    const at = /at position (\d+)/.exec(message)?.[1];
    // V8 goes on with a piece of the text, or with its own count of lines.
    const words = message.replace(/(?:,| in JSON at| at position| \(line) .*$/s, '');
    const fault = `is not JSON: ${lowerFirst(words)}`;
    return { fault, position: at === undefined ? undefined : Number(at) };
  }
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (error) {
    throw invalid(file, `cannot be used: ${messageOf(error)}`);
  }
}

function invalid(place: string, text: string): HoldfastError {
  const gap = /:\d+:\d+$/.test(place) ? '  ' : ' ';
  return new HoldfastError('SPEC_INVALID', `${place}${gap}${text}`);
}
