/** The order of the built-in hooks. The order shown is the order run; cleanup runs it backwards. */
import { HoldfastError } from '../errors.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import { artifactsHook } from './artifacts.ts';
import type { ArtifactRules } from './artifacts/rules.ts';
import { ChangeActs } from './changes/change-acts.ts';
import { dispatch } from './dispatch.ts';
import { dynamicUsers } from './dynamic-users.ts';
import type { Hook } from './hook.ts';
import { logmon } from './logmon.ts';
import { network } from './network.ts';
import { secretsHook } from './secrets.ts';
import type { SecretRules } from './secrets/rules.ts';
import { servicesHook } from './services.ts';
import { taskDir } from './task-dir.ts';
import { templatesHook } from './templates.ts';
import type { TemplateRules } from './templates/rules.ts';
import { validate } from './validate.ts';
import { volumes } from './volumes.ts';

/** What the operator lets groups ask of the built-in hooks. */
export interface HookRules {
  readonly artifacts?: Partial<ArtifactRules> | undefined;
  readonly secrets?: Partial<SecretRules> | undefined;
  readonly templates?: Partial<TemplateRules> | undefined;
}

const builtIn = (
  { artifacts, secrets, templates }: HookRules,
  acts: ChangeActs,
): readonly Hook[] => [
  // Before anything is made on disk.
  validate,
  // Before the directories, which are given to whom the task runs as.
  dynamicUsers,
  // Later hooks write into the directories.
  taskDir,
  // Whatever is mounted is there before anything is started for the task.
  volumes,
  // Whoever needs it comes after it: what is fetched is fetched by the agent.
  network,
  // Before everything that may name one.
  secretsHook(secrets, acts),
  dispatch,
  // Into the directories, before anybody writes out of what was fetched.
  artifactsHook(artifacts),
  // With all that was given and fetched.
  templatesHook(templates ?? {}, acts),
  // Last of ours: what a user's hook says while it works is not the task's output.
  logmon,
  // When it speaks of a program, everything else is there.
  servicesHook(),
];

export class HookRegistry {
  readonly #hooks: readonly Hook[];

  /** `custom` come after the built-in ones, in the order given. Throws USAGE for a name that is taken. */
  constructor(custom: readonly Hook[], rules: HookRules = {}) {
    this.#hooks = [...builtIn(rules, new ChangeActs()), ...custom];
    const names = this.#hooks.map((hook) => hook.name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new HoldfastError('USAGE', `two hooks are named ${twice}`);
  }

  /**
   * The names that are recorded as the task's plan. Those of a plan `before` stay, as long as there are such hooks:
   * what they began for the task is theirs to end.
   */
  planFor(task: TaskSpec, before: readonly string[] = []): readonly string[] {
    const isMeant = (hook: Hook): boolean =>
      before.includes(hook.name) || (hook.when?.(task) ?? true);
    return this.#hooks.filter(isMeant).map((hook) => hook.name);
  }

  /** The hooks of a recorded plan. A name that nobody registered any more is an error, not a skipped step. */
  resolve(plan: readonly string[]): readonly Hook[] {
    return plan.map((name) => {
      const hook = this.#hooks.find((one) => one.name === name);
      if (hook !== undefined) return hook;
      const text = `the recorded plan names the hook "${name}", which is not registered`;
      return missingHook(name, text);
    });
  }
}

/** Fails the start with a clear word and lets everything else of the plan run. */
function missingHook(name: string, text: string): Hook {
  return {
    name,
    prestart: () => Promise.reject(new HoldfastError('HOOK_FAILED', text)),
  };
}
