/** `collect` in the run's directory: how the output of its task is collected, for a host that adopts the run. */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { replaceFile } from '../../os/atomic-file.ts';
import { readPlainFile } from '../../os/plain-file.ts';
import { CollectRequest } from '../../rpc/gen/holdfast/logmon/v1/logmon.ts';

/** As it came over the wire, so that a field which this version does not know is simply not there. Not synced. */
export function writeCollect(dir: string, request: CollectRequest): void {
  const words = Buffer.from(CollectRequest.encode(request).finish()).toString('base64');
  replaceFile(join(dir, 'collect'), `${words} ${crc32(words)}\n`, { durable: false });
}

/**
 * 'none' when there is none, as in runs of older releases, or when it is not what was written. Undefined when that
 * cannot be told now.
 */
export function readCollect(dir: string): CollectRequest | 'none' | undefined {
  try {
    const found = readPlainFile(join(dir, 'collect'));
    if (found.is !== 'text') return 'none';
    const [words = '', check = ''] = found.text.trimEnd().split(' ');
    if (check !== String(crc32(words))) return 'none';
    return CollectRequest.decode(Buffer.from(words, 'base64'));
  } catch {
    return undefined;
  }
}
