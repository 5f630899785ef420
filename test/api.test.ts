/** The public names, pinned: a change here is a change of what users were promised. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSync } from 'oxc-parser';
import * as driver from '../src/driver.ts';
import * as holdfast from '../src/index.ts';

const path = new URL('../src/index.ts', import.meta.url);
const text = readFileSync(path, 'utf8');
const entries = parseSync('index.ts', text).module.staticExports.flatMap((one) => one.entries);

describe('the public names', () => {
  it('are these values', () => {
    expect(Object.keys(holdfast).toSorted()).toEqual([
      'ERROR_CODES',
      'HoldfastError',
      'PACKAGE_VERSION',
      'TaskEnvironment',
      'builtinDrivers',
      'defineHook',
      'docker',
      'exec',
      'java',
      'logFrames',
      'openOrchestrator',
      'portEnv',
      'processDriver',
      'rawExec',
    ]);
  });

  it('are these types', () => {
    const types = entries.filter((entry) => entry.isType).map(({ exportName }) => exportName.name);
    expect(types.map(String).toSorted().join(' ')).toBe(
      [
        'Abortable Actor AgentView AllocEvent AllocHandle AllocView AllocViewState ArtifactRules',
        'AttachOptions Cause CheckView Clock CommandEnd DockerDriverOptions Driver',
        'EnvFacts EnvVariable ErrorCode ErrorRecord EventQuery ExecChunk',
        'ExecDriverOptions ExecExit ExecOptions ExecSession Fingerprint FrameOptions GcEntry',
        'GcOptions GcReport GivenSecret GroupSpecInput HealthView HistoryEntry',
        'Hook HookDoors HookGift HookRequest JavaDriverOptions KeyProvider LogChunk LogFrame',
        'LogGap LogQuery Logger NetworkFacts NodeEvent NodeFacts NomadTaskEvent Orchestrator',
        'OrchestratorOptions PortFact PrestartResult ProcessDriverSpec ProcessStats ProgramWish',
        'PublicEvent Random RecoveryOutcome RecoveryReport RestartOptions',
        'RunOptions RunRequest RunSample SchedulerIdentity SecretRules ServiceView',
        'SessionCommand SessionDoor SessionWish StartResult StatsQuery StopOptions TaskEnvView',
        'TaskEvent TaskHandle TaskSpec TaskStats TaskView TaskViewState TemplateRules',
        'UsageDoor UsageQuery WhyChain',
      ].join(' '),
    );
  });

  it('are these values for who writes a driver', () => {
    const names = ['ConfigReading', 'HoldfastError', 'findCommand', 'processDriver'];
    expect(Object.keys(driver).toSorted()).toEqual(names);
  });

  it('are listed one by one, in at most forty lines', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(40);
    expect(entries.every(({ exportName }) => exportName.name !== null)).toBe(true);
  });
});
