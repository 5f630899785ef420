/** What a schema says about something that was written by hand, every mistake of it at once and with its place. */
import type { z } from 'zod';
import { HoldfastError } from '../errors.ts';
import { problemText } from './issue-text.ts';
import { pathText, withKnownKeys, writtenPath } from './key-names.ts';
import type { KeyPath, KeyProblem } from './key-names.ts';

/** Where a spec was read, for messages. Lines and columns count from 1. */
export interface SpecSource {
  readonly file: string;
  /** The position of a value or, with 'key', of the key that holds it. */
  locate(path: KeyPath, part: 'key' | 'value'): { line: number; column: number } | undefined;
}

/** One mistake, as it stands in `details.issues` of a SPEC_INVALID. */
export interface SpecIssue {
  /** `tasks[0].killTimeout`, with the key as it was written; empty for the whole. */
  readonly path: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

export interface CheckedInputOptions<T> {
  readonly source: SpecSource | undefined;
  /** What messages call the whole, such as "the group". */
  readonly whole: string;
  /** What the schema cannot say. */
  readonly rules: (checked: T) => readonly KeyProblem[];
}

/**
 * What the schema makes of the input when nothing is wrong with it. Errors: SPEC_INVALID with every mistake in
 * `details.issues`; its message lists them one a line, as `file:line:column  path text` when they came from a file.
 */
export function checkedInput<S extends z.ZodType>(
  schema: S,
  input: unknown,
  { source, whole, rules }: CheckedInputOptions<z.output<S>>,
): z.output<S> {
  const problems: KeyProblem[] = [];
  const keyed = withKnownKeys(schema, input, problems);
  const unknownKeys = new Set(problems);
  const result = schema.safeParse(keyed);
  if (result.success) problems.push(...rules(result.data));
  else for (const issue of result.error.issues) problems.push(problemText(issue, keyed));
  if (result.success && problems.length === 0) return result.data;
  const issues = problems.map((problem) => {
    const part = unknownKeys.has(problem) ? 'key' : 'value';
    const written = part === 'key' ? problem.path : writtenPath(input, problem.path);
    const path = pathText(written);
    const message = `${path === '' ? whole : path} ${problem.text}`;
    return { path, message, ...source?.locate(written, part) };
  });
  throw specInvalid(issues, source);
}

function specInvalid(issues: readonly SpecIssue[], source: SpecSource | undefined): HoldfastError {
  const sorted = issues.toSorted(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
  const lines = sorted.map((issue) => {
    if (source === undefined) return issue.message;
    const place = issue.line === undefined ? '' : `:${issue.line}:${issue.column}`;
    return `${source.file}${place}  ${issue.message}`;
  });
  if (lines.length > 1) lines.push(`${lines.length} problems`);
  return new HoldfastError('SPEC_INVALID', lines.join('\n'), { details: { issues: sorted } });
}
