/**
 * Fills in the templates of a task before each start, with what the hooks before this one gave, and again when what is
 * in them changes while the program runs. Variables made of a template are secrets: nobody can tell which part of a
 * file was one.
 */
import type { ChangeActs } from './changes/change-acts.ts';
import { defineHook, type GivenSecret, type Hook } from './hook.ts';
import { envLines } from './templates/env-lines.ts';
import { keepFresh } from './templates/keep-fresh.ts';
import { TEMPLATE_RULES, type TemplateRules } from './templates/rules.ts';
import { TaskTemplates } from './templates/task-templates.ts';
import { untilWhole } from './templates/wait-for.ts';

/** Of what is waited for nobody knows when it comes. */
const YEAR_MS = 31_536_000_000;

/** `acts` is shared with other hooks that tell programs of changes. */
export function templatesHook(allowed: Partial<TemplateRules>, acts: ChangeActs): Hook {
  const rules = { ...TEMPLATE_RULES, ...allowed, fileRoots: allowed.fileRoots ?? [] };
  return defineHook({
    name: 'templates',
    when: ({ templates: all = [] }) => all.length > 0,
    timeLimitMs: YEAR_MS,
    async prestart(request, doors) {
      const own = new TaskTemplates(request, doors, rules);
      const secrets: GivenSecret[] = [];
      const state: Record<string, string> = {};
      for (const [index, template] of own.all.entries()) {
        const { destination, once = false, env } = template;
        const before = request.previous[destination];
        const wish = doors.hashOf('once', JSON.stringify(template));
        // One that an update has changed is another one.
        const isDone = once && request.previous[`once ${destination}`] === wish;
        if (once) state[`once ${destination}`] = wish;
        if (isDone && before !== undefined && (await own.isPlaced(template))) {
          state[destination] = before;
          continue;
        }
        const content = await untilWhole(own, template, doors);
        const variables = env ? await own.named(template, () => variablesOf(index, content)) : [];
        await own.place(template, content);
        secrets.push(...variables);
        state[destination] = own.hashOf(template, content);
      }
      return { secrets, state };
    },
    async start(request, doors) {
      const own = new TaskTemplates(request, doors, rules);
      if (own.all.every(({ once }) => once === true)) return;
      // It goes on beside the program, and ends with it.
      keepFresh(own, request, doors, acts).catch((error: unknown) => {
        if (!doors.signal.aborted) doors.logger.error({ error }, 'templates are followed no more');
      });
    },
  });
}

function variablesOf(index: number, content: string): readonly GivenSecret[] {
  return envLines(content).map(([env, value]) => ({
    name: `template.${index}.${env}`,
    value,
    env,
  }));
}
