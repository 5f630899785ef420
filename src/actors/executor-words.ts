/** Between the executor's wire words and ours, and nothing else. */
import type {
  ProgramWish,
  RunOutcome,
  RunRequest,
  StartOutcome,
  StopOutcome,
} from '../drivers/driver.ts';
import { programEnv } from '../spec/program-env.ts';
import type { Confinement } from '../drivers/confinement.ts';
import { wishOf } from '../hooks/collect-wish.ts';
import type { ConfinedStart } from '../os/confined-start.ts';
import type { StopStep } from '../machines/kill-policy.ts';
import {
  StopStep_Target,
  type Confinement as WireConfinement,
  type Exit,
  type LaunchRequest,
  type LaunchResponse,
  type StopResponse,
  type StopStep as WireStep,
} from '../rpc/gen/holdfast/executor/v1/executor.ts';

/** Where the output of a program goes that nobody wants. */
const NOWHERE = '/dev/null';

export function toLaunch(
  run: RunRequest,
  program: ProgramWish,
  { agentEpoch, cgroup }: { readonly agentEpoch: number; readonly cgroup: string },
): LaunchRequest {
  const { launchKey, token, mark, allocId, task, specHash, dirs } = run;
  const isCollected = task.logs.disabled !== true;
  return {
    agentEpoch,
    launchKey,
    token,
    mark,
    allocId,
    task: task.name,
    run: run.run,
    specHash,
    command: program.command,
    args: [...program.args],
    env: programEnv(run, program),
    cwd: program.cwd,
    confinement: toConfinement(program.confinement ?? {}, cgroup),
    collect: isCollected ? { ...wishOf(run), agentEpoch } : undefined,
    stdoutFifo: isCollected ? dirs.stdoutFifo : NOWHERE,
    stderrFifo: isCollected ? dirs.stderrFifo : NOWHERE,
  };
}

/** Nothing of the run exists: nobody was asked for it. */
export function refusedFor(message: string): StartOutcome {
  return { kind: 'refused', code: 'CAPABILITY_MISSING', message, isRecoverable: false };
}

export function fromLaunch({ outcome }: LaunchResponse): StartOutcome {
  if (outcome?.$case === 'started') {
    const { pid, startTime, machineEpoch, startedAtMs } = outcome.value;
    return { kind: 'started', process: { pid, startTime, machineEpoch, startedAt: startedAtMs } };
  }
  if (outcome?.$case === 'failed') {
    const { code, message, retryable } = outcome.value;
    return { kind: 'refused', code, message, isRecoverable: retryable };
  }
  return { kind: 'aborted' };
}

export function fromExit(exit: Exit): RunOutcome {
  if (exit.execFailed) return refusedExec(exit.exitCode, exit.exitedAtMs);
  const isSignal = exit.signal !== '';
  return {
    kind: 'exited',
    exit: {
      exitCode: isSignal ? null : exit.exitCode,
      signal: isSignal ? exit.signal : null,
      oomKilled: exit.oomKilled,
      exitedAt: exit.exitedAtMs,
    },
  };
}

/**
 * The file was there when it was looked up and could not be executed: a missing interpreter, or no permission. A
 * confined child says why it did not become the program.
 */
export function refusedExec(
  exitCode: number,
  exitedAt: number,
  start: ConfinedStart = { is: 'under way' },
): RunOutcome {
  const isMissing = exitCode === 127;
  const exit = { exitCode, signal: null, oomKilled: false, exitedAt };
  if (start.is === 'refused') {
    const { code, message } = start;
    return { kind: 'refused', code, message, isRecoverable: code === 'START_RETRYABLE', exit };
  }
  return {
    kind: 'refused',
    code: isMissing ? 'COMMAND_NOT_FOUND' : 'COMMAND_NOT_EXECUTABLE',
    message: isMissing
      ? 'the program or its interpreter was not found'
      : 'the program could not be executed',
    isRecoverable: false,
    exit,
  };
}

export function fromStop({ outcome }: StopResponse): StopOutcome {
  if (outcome?.$case === 'aborted') return { kind: 'aborted' };
  if (outcome?.$case === 'stuck') {
    const pids = outcome.value.pids.join(', ');
    return { kind: 'stuck', message: `processes ${pids} outlived SIGKILL` };
  }
  return { kind: 'ended' };
}

const TARGETS = {
  leader: StopStep_Target.LEADER,
  group: StopStep_Target.GROUP,
  tree: StopStep_Target.TREE,
} as const;

export function toSteps(plan: readonly StopStep[]): WireStep[] {
  return plan.map(({ signal, target, waitMs }) => ({ signal, target: TARGETS[target], waitMs }));
}

/** `cgroup` is the path of the run's own below every hierarchy; empty where none can be made. */
export function toConfinement(wish: Confinement, cgroup: string): WireConfinement {
  const { user, limits, capabilities, isolation } = wish;
  return {
    user: user && { uid: user.uid, gid: user.gid, groups: [...user.groups] },
    cgroup,
    limits: limits && {
      memoryMaxBytes: limits.memoryMaxBytes ?? 0,
      memoryLowBytes: limits.memoryLowBytes ?? 0,
      cpuShareMillis: limits.cpuShareMillis ?? 0,
      cpuMaxMillis: limits.cpuMaxMillis ?? 0,
      cpuset: limits.cpuset ?? '',
      pids: limits.pids ?? 0,
    },
    resourceLimits: (wish.resourceLimits ?? []).map(({ name, soft, hard }) => ({
      name,
      soft: limitText(soft),
      hard: limitText(hard),
    })),
    oomScoreAdj: wish.oomScoreAdj,
    noNewPrivileges: wish.noNewPrivileges ?? false,
    networkNamespace: wish.networkNamespace ?? '',
    hostname: wish.hostname,
    capabilities: capabilities && { keep: [...capabilities] },
    isolation: isolation && {
      ...isolation,
      mounts: isolation.mounts.map((mount) => ({ ...mount, options: [...mount.options] })),
      devices: isolation.devices.map((device) => ({ ...device })),
    },
  };
}

function limitText(limit: number | 'unlimited'): string {
  return limit === 'unlimited' ? '' : String(limit);
}
