/**
 * The one door for specs. Loads zod, so callers that start fast import it when a spec arrives:
 * `const { validateGroup } = await import('./spec/validate-spec.ts')`.
 */
import { HoldfastError } from '../errors.ts';
import { groupSchema } from './group-schema.ts';
import { problemText } from './issue-text.ts';
import { pathText, withKnownKeys, writtenPath } from './key-names.ts';
import { ruleProblems } from './spec-rules.ts';
import { wholeTextProblems } from './whole-text.ts';
import type { CheckedGroup } from './group-schema.ts';
import type { KeyPath, KeyProblem } from './key-names.ts';

/** Where a spec was read, for messages. Lines and columns count from 1. */
export interface SpecSource {
  readonly file: string;
  /** The position of a value or, with 'key', of the key that holds it. */
  locate(path: KeyPath, part: 'key' | 'value'): { line: number; column: number } | undefined;
}

/** One mistake, as it stands in `details.issues` of a SPEC_INVALID. */
export interface SpecIssue {
  /** `tasks[0].killTimeout`, with the key as it was written; empty for the group itself. */
  readonly path: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

/**
 * The group when nothing is wrong with it. Errors: SPEC_INVALID with every mistake in `details.issues`; its message
 * lists them one a line, as `file:line:column  path text` when they came from a file.
 */
export function validateGroup(
  input: unknown,
  options: { readonly source?: SpecSource } = {},
): CheckedGroup {
  const problems: KeyProblem[] = [];
  const keyed = withKnownKeys(groupSchema, input, problems);
  const unknownKeys = new Set(problems);
  const result = groupSchema.safeParse(keyed);
  if (result.success) {
    problems.push(...ruleProblems(result.data), ...wholeTextProblems(result.data));
  } else {
    for (const issue of result.error.issues) problems.push(problemText(issue, keyed));
  }
  if (result.success && problems.length === 0) return result.data;
  throw specInvalid(
    problems.map((problem) =>
      toIssue(input, problem, unknownKeys.has(problem) ? 'key' : 'value', options.source),
    ),
    options.source,
  );
}

function toIssue(
  input: unknown,
  problem: KeyProblem,
  part: 'key' | 'value',
  source: SpecSource | undefined,
): SpecIssue {
  const written = part === 'key' ? problem.path : writtenPath(input, problem.path);
  const place = source?.locate(written, part);
  const path = pathText(written);
  const subject = path === '' ? 'the group' : path;
  return { path, message: `${subject} ${problem.text}`, ...place };
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
