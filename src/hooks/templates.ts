/**
 * Fills in the templates of a task before each start, with what the hooks before this one gave, and again when what is
 * in them changes while the program runs. Variables made of a template are secrets: nobody can tell which part of a
 * file was one.
 */
import type { ChangeActs } from './changes/change-acts.ts';
import { defineHook, type Hook } from './hook.ts';
import { TEMPLATE_RULES, type TemplateRules } from './templates/rules.ts';

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
      const { fillInAll } = await import('./templates/at-work.ts');
      return fillInAll(request, doors, rules);
    },
    async start(request, doors) {
      const { followAll } = await import('./templates/at-work.ts');
      followAll(request, doors, rules, acts);
    },
  });
}
