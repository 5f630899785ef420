/** Output as texts: what tests of readers compare. */
import { type OutputChunk, readOutput, type ReadOutputOptions } from '../../src/output/reader.ts';
import type { WrittenOutput } from './written-output.ts';

export function openOutput(
  { dir, stem }: WrittenOutput,
  options: Partial<ReadOutputOptions> = {},
): AsyncGenerator<OutputChunk, void> {
  return readOutput({ dir, stem, stream: 'stdout', follow: false, ...options });
}

/** Bytes as characters, and gaps as `<reason bytes>`. */
export function textOf({ data, gap }: OutputChunk): string {
  return gap === undefined ? Buffer.from(data).toString('latin1') : `<${gap.reason} ${gap.bytes}>`;
}

export async function textsOf(chunks: AsyncIterable<OutputChunk>): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of chunks) texts.push(textOf(chunk));
  return texts;
}

export async function readChunks(output: WrittenOutput): Promise<OutputChunk[]> {
  const chunks: OutputChunk[] = [];
  for await (const chunk of openOutput(output)) chunks.push(chunk);
  return chunks;
}
