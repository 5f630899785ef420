/**
 * The reader and the writer of protobuf, and nothing else of the package: its public entry beside them loads the
 * reflection, 2.7 MB of private memory in every host. A release that lays out its files otherwise is loaded whole.
 */
import type * as whole from '@bufbuild/protobuf/wire';

type Codec = Pick<typeof whole, 'BinaryReader' | 'BinaryWriter'>;

const entry = import.meta.resolve('@bufbuild/protobuf/wire');
const codec = await load(new URL('./binary-encoding.js', entry).href).catch(() => load(entry));

async function load(url: string): Promise<Codec> {
  return (await import(url)) as Codec;
}

export const { BinaryReader, BinaryWriter } = codec;
export type BinaryReader = whole.BinaryReader;
export type BinaryWriter = whole.BinaryWriter;
