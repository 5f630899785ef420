/** What is done about the templates of a task: loaded by those who have any. */
import type { ChangeActs } from '../changes/change-acts.ts';
import type { GivenSecret, HookDoors, HookRequest, PrestartResult } from '../hook.ts';
import { envLines } from './env-lines.ts';
import { keepFresh } from './keep-fresh.ts';
import type { TemplateRules } from './rules.ts';
import { TaskTemplates } from './task-templates.ts';
import { untilWhole } from './wait-for.ts';

/** Errors: HOOK_FAILED, CAPABILITY_MISSING. Waits for what is not there. */
export async function fillInAll(
  request: HookRequest,
  doors: HookDoors,
  rules: TemplateRules,
): Promise<PrestartResult> {
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
}

/** Goes on beside the program, and ends with it. */
export function followAll(
  request: HookRequest,
  doors: HookDoors,
  rules: TemplateRules,
  acts: ChangeActs,
): void {
  const own = new TaskTemplates(request, doors, rules);
  if (own.all.every(({ once }) => once === true)) return;
  keepFresh(own, request, doors, acts).catch((error: unknown) => {
    if (!doors.signal.aborted) doors.logger.error({ error }, 'templates are followed no more');
  });
}

function variablesOf(index: number, content: string): readonly GivenSecret[] {
  return envLines(content).map(([env, value]) => ({
    name: `template.${index}.${env}`,
    value,
    env,
  }));
}
