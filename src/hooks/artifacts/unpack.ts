/** From an archive to a tree: what reads the formats is bought, what is written, and where, is ours. */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { PassThrough, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HoldfastError, errnoOf, messageOf } from '../../errors.ts';
import type { ArchiveKind } from '../../spec/artifact-spec.ts';
import { isSingle } from './archive-kind.ts';
import { refused } from './faults.ts';
import { Tree, type TreeLimits } from './tree.ts';

export interface UnpackWish {
  readonly file: string;
  readonly kind: ArchiveKind;
  /** An empty directory. */
  readonly into: string;
  /** Of the one file that was packed by itself. */
  readonly name: string;
  readonly limits: Omit<TreeLimits, 'packedBytes'>;
  readonly signal: AbortSignal;
}

/** Gives the bytes that were written. Throws for what is refused, and for an archive that is damaged. */
export async function unpack(wish: UnpackWish): Promise<number> {
  const { size } = await stat(wish.file);
  const tree = new Tree(wish.into, { ...wish.limits, packedBytes: size });
  try {
    if (wish.kind === 'zip') {
      const { unzipInto } = await import('./unzip.ts');
      await unzipInto(tree, wish.file, wish.signal);
    } else {
      const plain = decompressed(wish);
      if (isSingle(wish.kind)) await tree.file(wish.name, 0o644, plain);
      else {
        const { untarInto } = await import('./untar.ts');
        await untarInto(tree, plain, wish.signal);
      }
    }
  } catch (error) {
    wish.signal.throwIfAborted();
    if (HoldfastError.is(error)) throw error;
    throw refused(`is no sound ${wish.kind} file: ${messageOf(error)}`, error);
  }
  await tree.finish();
  return tree.bytes;
}

function decompressed({ file, kind, signal }: UnpackWish): Readable {
  const packed = createReadStream(file, { signal });
  const method = kind.split('.').at(-1);
  if (method === 'tar') return packed;
  if (method === 'gz') {
    const gunzip = createGunzip();
    packed.on('error', (error) => gunzip.destroy(error));
    return packed.pipe(gunzip);
  }
  // A dictionary is as large as a file says: xz is told how much memory it may take.
  const argv = method === 'xz' ? ['xz', '-dc', '--memlimit=256MiB'] : ['bzip2', '-dc'];
  return throughProgram(packed, argv, signal);
}

/** The output of a program whose end with anything but 0 is an error of the stream. */
function throughProgram(input: Readable, argv: readonly string[], signal: AbortSignal): Readable {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal });
  const output = new PassThrough();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-500)));
  child.on('error', (error) => {
    const isMissing = errnoOf(error) === 'ENOENT';
    const text = `needs the program ${program}, which this machine does not have`;
    output.destroy(isMissing ? refused(text, error) : error);
  });
  child.on('close', (code) => {
    if (code === 0) output.end();
    else output.destroy(new Error(said.trim() || `${program} ended with ${code}`));
  });
  // Whoever ends early is asked for nothing more; his end tells.
  child.stdin.on('error', () => {});
  input.on('error', (error) => output.destroy(error));
  input.pipe(child.stdin);
  child.stdout.pipe(output, { end: false });
  output.on('close', () => child.kill('SIGKILL'));
  return output;
}
