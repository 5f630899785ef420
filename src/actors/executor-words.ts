/** Between the executor's wire words and ours, and nothing else. */
import type { RunOutcome, StartOutcome, StopOutcome } from '../drivers/driver.ts';
import type { StopStep } from '../machines/kill-policy.ts';
import {
  StopStep_Target,
  type Exit,
  type LaunchResponse,
  type StopResponse,
  type StopStep as WireStep,
} from '../rpc/gen/holdfast/executor/v1/executor.ts';

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

/** The file was there when it was looked up and could not be executed: a missing interpreter, or no permission. */
export function refusedExec(exitCode: number, exitedAt: number): RunOutcome {
  const isMissing = exitCode === 127;
  return {
    kind: 'refused',
    code: isMissing ? 'COMMAND_NOT_FOUND' : 'COMMAND_NOT_EXECUTABLE',
    message: isMissing
      ? 'the program or its interpreter was not found'
      : 'the program could not be executed',
    isRecoverable: false,
    exit: { exitCode, signal: null, oomKilled: false, exitedAt },
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
