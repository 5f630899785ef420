/** From what an operator writes to the options of the library. */
import { resolve } from 'node:path';
import type { AgentOptions } from './agent-options.ts';
import type { AgentLimits } from './keep-serving.ts';

export function limitsOf(options: AgentOptions): AgentLimits {
  const { diskFloor, logBudget, cgroups, node, network, denyHostEnv } = options;
  return {
    ...(diskFloor === undefined ? {} : { diskFloorBytes: diskFloor * 1024 * 1024 }),
    retention: retentionRules(options),
    ...(logBudget === undefined ? {} : { logs: { budgetBytes: logBudget } }),
    ...(node === undefined ? {} : { node }),
    ...(network === undefined ? {} : { network }),
    ...(denyHostEnv === undefined ? {} : { deniedHostEnv: denyHostEnv }),
    ...artifactRules(options),
    ...secretRules(options),
    ...templateRules(options),
    ...(cgroups === false ? { cgroups: 'off' } : {}),
  };
}

function retentionRules(options: AgentOptions): NonNullable<AgentLimits['retention']> {
  const { keepFinished, keepFinishedFor, maxDisk, maxInodes } = options;
  return {
    ...(keepFinished === undefined ? {} : { keepFinishedAllocs: keepFinished }),
    ...(keepFinishedFor === undefined ? {} : { keepFinishedForMs: keepFinishedFor }),
    ...(maxDisk === undefined ? {} : { maxDiskPercent: maxDisk }),
    ...(maxInodes === undefined ? {} : { maxInodePercent: maxInodes }),
  };
}

function artifactRules(options: AgentOptions): Pick<AgentLimits, 'artifacts'> {
  const { artifactRoot, artifactLimit, insecureArtifacts } = options;
  const artifacts = {
    ...(artifactRoot === undefined ? {} : { fileRoots: artifactRoot }),
    ...(artifactLimit === undefined ? {} : { maxBytes: artifactLimit }),
    ...(insecureArtifacts === true ? { isInsecureAllowed: true } : {}),
  };
  return Object.keys(artifacts).length === 0 ? {} : { artifacts };
}

function secretRules(options: AgentOptions): Pick<AgentLimits, 'secrets'> {
  const { secretEnv, secretRoot, secretCommand } = options;
  const secrets = {
    ...(secretEnv === undefined ? {} : { env: secretEnv }),
    ...(secretRoot === undefined ? {} : { fileRoots: secretRoot }),
    ...(secretCommand === undefined ? {} : { commands: secretCommand }),
  };
  return Object.keys(secrets).length === 0 ? {} : { secrets };
}

function templateRules(options: AgentOptions): Pick<AgentLimits, 'templates'> {
  const { templateRoot, templateKeys } = options;
  const templates = {
    ...(templateRoot === undefined ? {} : { fileRoots: templateRoot }),
    ...(templateKeys === undefined ? {} : { keys: resolve(templateKeys) }),
  };
  return Object.keys(templates).length === 0 ? {} : { templates };
}
