/** A restart policy of a Nomad job: of a group or of a task. */
import { FieldReading } from './field-reading.ts';
import { withoutUnset, type Fields } from './imported.ts';

export function nomadRestart(
  above: FieldReading,
  key: string,
  notes: string[],
  path: string,
): Fields | undefined {
  const fields = above.object(key);
  if (fields === undefined) return undefined;
  const policy = new FieldReading(fields, `${path}.${key}`, notes);
  // Zero says something here: no restarts, no delay.
  const attempts = typeof fields['Attempts'] === 'number' ? fields['Attempts'] : undefined;
  policy.any('Attempts');
  const delay = fields['Delay'] === 0 ? '0s' : policy.duration('Delay');
  policy.any('Delay');
  policy.drop('RenderTemplates', 'templates are rendered when they change');
  const made = {
    attempts,
    interval: policy.duration('Interval'),
    delay,
    mode: policy.text('Mode'),
  };
  policy.end();
  return withoutUnset(made);
}
