/** What running a group would do, told before it is done. */
import type { FieldChange, SpecPlan, TaskPlan } from '../spec/plan.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';

export type { FieldChange, TaskPlan };

/**
 * `changes` are those of the group itself, each task has its own. What looks like a secret is left out of the values; a
 * rule, no proof.
 */
export interface GroupPlan extends Omit<SpecPlan, 'action'> {
  readonly alloc: string;
  /** The live alloc that is meant; null: there is none. */
  readonly allocId: string | null;
  /** Of what that alloc is to be like: for `ifVersion`; 0 when there is none. */
  readonly version: number;
  /** `create`: there is no such alloc. Else the most that anything of it asks for. */
  readonly action: SpecPlan['action'] | 'create';
}

export interface PlanOptions {
  /** The one that is meant, as in `RunOptions`. */
  readonly allocId?: string;
}

export interface PlanCalls {
  /**
   * What `run` would do now. Changes nothing. Errors: as `run`, for the group itself. Of a plan for an `allocId` that
   * says `replace`, `run` does nothing: it refuses.
   */
  plan(spec: GroupSpecInput, options?: PlanOptions): Promise<GroupPlan>;
}
