/**
 * The one door for specs. Loads zod, so callers that start fast import it when a spec arrives:
 * `const { validateGroup } = await import('./spec/validate-spec.ts')`.
 */
import { checkedInput, type SpecSource } from './checked-input.ts';
import { groupSchema } from './group-schema.ts';
import { ruleProblems } from './spec-rules.ts';
import { wholeTextProblems } from './whole-text.ts';
import type { CheckedGroup } from './group-schema.ts';

/** The group when nothing is wrong with it. Errors: those of `checkedInput`. */
export function validateGroup(
  input: unknown,
  { source }: { readonly source?: SpecSource } = {},
): CheckedGroup {
  return checkedInput(groupSchema, input, {
    source,
    whole: 'the group',
    rules: (group) => [...ruleProblems(group), ...wholeTextProblems(group)],
  });
}
