/** Before a start: fills in a template as soon as everything is there that it cannot do without. */
import type { TemplateSpec } from '../../spec/template-spec.ts';
import { Sparing } from '../changes/sparing.ts';
import type { HookDoors } from '../hook.ts';
import { Gathering } from './gathering.ts';
import type { Input } from './inputs.ts';
import { inWords, type TaskTemplates } from './task-templates.ts';
import { watchInputs } from './watch-inputs.ts';

/** What was waited for so long is taken at once, but not in the middle of being written. */
const SHORTLY = { minMs: 100, maxMs: 1_000 };

/** Says what it waits for. There is no other end to it than that of the task. */
export async function untilWhole(
  own: TaskTemplates,
  template: TemplateSpec,
  { signal, message }: Pick<HookDoors, 'signal' | 'message'>,
): Promise<string> {
  let watched: ReadonlySet<Input> = new Set();
  const words = new Sparing(message);
  for (;;) {
    const changes = new Gathering();
    const end = await watchInputs(own.inputs, watched, (...heard) => changes.hear(...heard));
    try {
      // Read after it is watched: nothing comes unheard.
      const { content, missing, inputs } = await own.render(template, own.inputs.readingOnce());
      if (content !== undefined) return content;
      if (![...inputs].every((input) => watched.has(input))) {
        watched = new Set([...watched, ...inputs]);
        continue;
      }
      words.say('', `${own.nameOf(template)} waits for ${inWords(missing)}`);
      await changes.settled(() => SHORTLY, signal);
      watched = inputs;
    } finally {
      end();
    }
  }
}
