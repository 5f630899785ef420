/**
 * What the kernel makes of a file that it is to execute, by the beginning of it. A shell and execvp(3), through which
 * programs are started, run what it refuses as a script of their own: whatever is in there would be taken for commands.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
} from 'node:fs';
import { basename, extname, join } from 'node:path';

export type ProgramFile =
  /** As the kernel reads the first line: a stray carriage return is part of the name. */
  | { readonly is: 'script'; readonly interpreter: string }
  /** As far as can be seen; a program may be executable without being readable. */
  | { readonly is: 'program' }
  /** ENOEXEC. `why` follows the name of the file in a sentence. */
  | { readonly is: 'neither'; readonly why: string };

/** As much as the kernel looks at. */
const HEAD_BYTES = 256;

/** Never throws. */
export function readProgramFile(path: string): ProgramFile {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return PROGRAM;
  }
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const bytes = readSync(fd, head);
    const found = ofHead(head.subarray(0, bytes), fd);
    return found.is === 'neither' && isRegistered(path, head) ? PROGRAM : found;
  } catch {
    return PROGRAM;
  } finally {
    closeSync(fd);
  }
}

/** A script is a script of an interpreter that may be one too: as many as the kernel follows. */
export const MOST_INTERPRETERS = 5;

/** `/bin/sh`, and `"/bin/sh\r"` where one would not see what is wrong with it. */
export function shownPath(path: string): string {
  return /\p{Cc}/u.test(path) ? JSON.stringify(path) : path;
}

/** What to say after an interpreter that does not exist. */
export function lineEndHint(interpreter: string): string {
  return interpreter.endsWith('\r') ? ': the script has Windows line ends' : '';
}

const PROGRAM: ProgramFile = { is: 'program' };

function neither(why: string): ProgramFile {
  return { is: 'neither', why: `${why}: exec format error` };
}

function ofHead(head: Buffer, fd: number): ProgramFile {
  if (head.length === 0) return neither('is empty');
  if (head.toString('latin1', 0, 4) === '\x7fELF') return ofElf(head, fd);
  const text = head.toString('utf8');
  const interpreter = /^#![ \t]*([^ \t\n\0]+)/.exec(text)?.[1];
  if (interpreter !== undefined) return { is: 'script', interpreter };
  if (text.includes('\0')) return neither('is neither a program nor a script');
  return neither('does not say what interprets it (begin it with #!/bin/sh)');
}

/** Offsets in the header of 64 and of 32 bits, and how large one entry of its table is. */
const LAYOUTS = {
  wide: { header: 64, table: 32, entryBytes: 54, entries: 56, entry: 56 },
  narrow: { header: 52, table: 28, entryBytes: 42, entries: 44, entry: 32 },
};

function ofElf(head: Buffer, fd: number): ProgramFile {
  const damaged = neither('is a damaged program');
  const isWide = head[4] === 2;
  const layout = isWide ? LAYOUTS.wide : LAYOUTS.narrow;
  if (head.length < layout.header) return damaged;
  const isBig = head[5] === 2;
  const machine = isBig ? head.readUInt16BE(18) : head.readUInt16LE(18);
  if (isBig || !runsHere(machine)) {
    const name = MACHINES[machine] ?? `another machine (${machine})`;
    return neither(`is a program for ${name}, which this machine does not run`);
  }
  if (![EXECUTABLE, SHARED].includes(head.readUInt16LE(16))) return neither('is no program');
  const at = isWide ? Number(head.readBigUInt64LE(layout.table)) : head.readUInt32LE(layout.table);
  const entries = head.readUInt16LE(layout.entries);
  const isWhole = at + entries * layout.entry <= fstatSync(fd).size;
  const isRight = head.readUInt16LE(layout.entryBytes) === layout.entry && entries > 0;
  return isWhole && isRight ? PROGRAM : damaged;
}

const EXECUTABLE = 2;
const SHARED = 3;

const MACHINES: Readonly<Record<number, string>> = {
  3: 'i386',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv',
  258: 'loongarch',
};

/** There while the kernel can run programs of 32 bits. */
const HAS_32_BITS = '/proc/sys/abi/vsyscall32';

function runsHere(machine: number): boolean {
  if (process.arch === 'x64') return machine === 62 || (machine === 3 && existsSync(HAS_32_BITS));
  // Whether the small one is understood cannot be seen.
  return process.arch === 'arm64' ? machine === 183 || machine === 40 : true;
}

const REGISTERED = '/proc/sys/fs/binfmt_misc';

/** Somebody taught the kernel other kinds of programs, and this may be one: binfmt_misc. */
function isRegistered(path: string, head: Buffer): boolean {
  try {
    if (readFileSync(join(REGISTERED, 'status'), 'utf8').trim() !== 'enabled') return false;
    return readdirSync(REGISTERED)
      .filter((name) => name !== 'status' && name !== 'register')
      .some((name) => fits(readFileSync(join(REGISTERED, name), 'utf8'), path, head));
  } catch {
    return false;
  }
}

/** `entry` is the text of one of its files. */
export function fits(entry: string, path: string, head: Buffer): boolean {
  const field = (name: string): string =>
    new RegExp(`^${name} (.*)$`, 'm').exec(entry)?.[1]?.trim() ?? '';
  if (!entry.startsWith('enabled')) return false;
  const extension = field('extension');
  if (extension !== '') return extname(basename(path)) === extension;
  const magic = Buffer.from(field('magic'), 'hex');
  const mask = Buffer.from(field('mask'), 'hex');
  const found = head.subarray(Number(field('offset')));
  return (
    magic.length > 0 &&
    magic.every((byte, at) => ((byte ^ (found[at] ?? 0)) & (mask[at] ?? 0xff)) === 0)
  );
}
