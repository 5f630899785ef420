/** The door for sinks. Loads zod: imported when there are some. */
import { HoldfastError } from '../errors.ts';
import { problemText } from './issue-text.ts';
import { pathText, withKnownKeys, writtenPath, type KeyProblem } from './key-names.ts';
import { sinks, type SinkConfig } from './sink-schema.ts';

/** A list of sinks, or a map with that list under `sinks`. Throws USAGE, which names every mistake, one a line. */
export function readSinks(written: unknown): readonly SinkConfig[] {
  const isMap = typeof written === 'object' && written !== null && 'sinks' in written;
  const input = isMap ? written.sinks : written;
  const problems: KeyProblem[] = [];
  const keyed = withKnownKeys(sinks, input, problems);
  const read = sinks.safeParse(keyed);
  for (const issue of read.error?.issues ?? []) problems.push(problemText(issue, keyed));
  if (read.success) problems.push(...sameNames(read.data), ...samePlaces(read.data));
  if (read.success && problems.length === 0) return read.data;
  const lines = problems.map((problem) => {
    const path = pathText(writtenPath(input, problem.path));
    const whole = path.startsWith('[') ? `sinks${path}` : path;
    return `${whole === '' ? 'sinks' : whole} ${problem.text}`;
  });
  throw new HoldfastError('USAGE', lines.join('\n'), { details: { problems: lines } });
}

/** Two of one name would share a place in the log. */
function sameNames(read: readonly SinkConfig[]): readonly KeyProblem[] {
  return repeated(read.map(({ name }) => name)).map((index) => ({
    path: [index, 'name'],
    text: `is taken: there is another sink ${read[index]?.name}`,
  }));
}

/** Each goes on behind the last event that it finds there. */
function samePlaces(read: readonly SinkConfig[]): readonly KeyProblem[] {
  const places = read.map((one) => {
    if (one.type === 'webhook') return `webhook ${one.name}`;
    return one.type === 'file' ? one.path : `${one.servers.join()} ${one.stream} ${one.subject}`;
  });
  const isPlace = (index: number): boolean => read[index]?.type !== 'webhook';
  return repeated(places)
    .filter(isPlace)
    .map((index) => ({
      path: [index, read[index]?.type === 'file' ? 'path' : 'subject'],
      text: 'is written by another sink already',
    }));
}

function repeated(words: readonly string[]): readonly number[] {
  return words.flatMap((word, index) => (words.indexOf(word) < index ? [index] : []));
}
