import { HoldfastError } from '../errors.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { write } from './output.ts';
import { planText } from './plan-text.ts';
import { readSpecFile } from './read-spec-file.ts';
import type { GroupPlan } from '../api.ts';

export interface PlanOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** Exit statuses are those of `nomad job plan`. */
const CHANGES = 1;
const FAILED = 255;

/** `holdfast plan FILE`. */
export async function plan(file: string, options: PlanOptions): Promise<void> {
  const found = await ask(file, options).catch((error: unknown) => {
    const { code, message, details } = HoldfastError.from(error);
    throw new HoldfastError(code, message, {
      cause: error,
      details: { ...details, exitStatus: FAILED },
    });
  });
  await write(options.json === true ? `${JSON.stringify(found, null, 2)}\n` : planText(found));
  if (found.action !== 'none') process.exitCode = CHANGES;
}

async function ask(file: string, options: PlanOptions): Promise<GroupPlan> {
  const { value, source } = await readSpecFile(file);
  const { validateGroup } = await import('../spec/validate-spec.ts');
  const group = validateGroup(value, { source });
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  return await orchestrator.plan(group);
}
