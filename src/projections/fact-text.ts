/** One fact as a sentence for an operator. */
import type { PublicEvent } from '../api.ts';
import { formatDuration } from '../spec/duration.ts';
import { signalName } from '../spec/signal-names.ts';
import { auditText } from './audit-text.ts';
import { asFact, type Fact } from './fact.ts';

export function factText(event: PublicEvent): string {
  const fact = asFact(event);
  return taskText(fact) ?? allocText(fact) ?? nodeText(fact) ?? auditText(fact) ?? event.type;
}

/** What follows a colon, if anything does. */
function because(reason: string | undefined): string {
  return reason === undefined || reason === '' ? '' : `: ${reason}`;
}

function taskText(fact: Fact): string | undefined {
  switch (fact.type) {
    case 'TaskReceived':
      return 'the task was handed over and waits for its turn';
    case 'TaskUpdated': {
      const { specVersion, isRestarted } = fact.data;
      const how = isRestarted ? 'to begin anew' : 'without another start';
      return `it became what version ${specVersion} of its alloc asks for, ${how}`;
    }
    case 'UpdateCompleted':
      return `its hooks have seen to version ${fact.data.specVersion}`;
    case 'GateOpened':
      return `its turn has come (${fact.data.gate})`;
    case 'PrestartCompleted':
      return 'everything is ready for a start';
    case 'RunStarting':
      return `run ${fact.run} begins`;
    case 'TaskRecovered':
      return `run ${fact.run} was found again after the store was lost`;
    case 'TaskStarted':
      return `run ${fact.run} started, pid ${fact.data.pid}`;
    case 'TaskReattached':
      return `another agent found run ${fact.run} alive, pid ${fact.data.pid}`;
    case 'TaskSignaled':
      return `${fact.data.signal} was sent to run ${fact.run}${because(fact.data.reason)}`;
    case 'DriverMessage':
      return `its driver says: ${fact.data.message}`;
    case 'HoldingRecorded':
      return `its driver has ${fact.data.kind} ${fact.data.id} for it`;
    case 'HoldingForgotten':
      return `${fact.data.kind} ${fact.data.id} is gone`;
    case 'SessionOpened':
      return `a command was run beside it: ${fact.data.argv.join(' ')}`;
    case 'SessionClosed':
      return `the command beside it ended${because(fact.data.reason)}`;
    case 'ServiceRegistered': {
      const { service, address, port } = fact.data;
      return `service ${service} can be reached at ${address}${port === undefined ? '' : `:${port}`}`;
    }
    case 'ServiceDeregistered':
      return `service ${fact.data.service} cannot be reached any more${because(fact.data.reason)}`;
    case 'CheckChanged': {
      const { check, status, before, output } = fact.data;
      const change = before === undefined ? `is ${status}` : `went from ${before} to ${status}`;
      return `check ${check} ${change}${because(output.split('\n', 1)[0])}`;
    }
    default:
      return hookText(fact) ?? endText(fact);
  }
}

function hookText(fact: Fact): string | undefined {
  switch (fact.type) {
    case 'HookCompleted':
      return `hook ${fact.data.hook} (${fact.data.phase}) was done in ${fact.data.tookMs} ms`;
    case 'HookMessage':
      return `hook ${fact.data.hook}: ${fact.data.message}`;
    case 'HookNoted':
      return `hook ${fact.data.hook} noted what it knows by now`;
    case 'HookFailed': {
      const { hook, phase, message, isRecoverable } = fact.data;
      const hope = isRecoverable ? ', which may pass' : '';
      return `hook ${hook} (${phase}) failed${hope}: ${message}`;
    }
    default:
      return undefined;
  }
}

function endText(fact: Fact): string | undefined {
  switch (fact.type) {
    case 'TaskStartFailed':
      return `run ${fact.run} did not start: ${fact.data.message}`;
    case 'TaskExited':
      return `run ${fact.run} ${exitText(fact.data)}`;
    case 'TaskLost': {
      const hope = fact.data.maybeRan ? ', and may have done its work' : '';
      return `run ${fact.run} was lost${hope}: ${fact.data.reason}`;
    }
    case 'TaskKilling': {
      const { signal, killTimeoutMs, then, reason } = fact.data;
      const how = `${signal}, by force after ${formatDuration(killTimeoutMs)}`;
      const what = then === 'restart' ? 'it is ended to be started again' : 'it is ended';
      return `${what} (${how})${because(reason)}`;
    }
    case 'TaskKilled':
      return `it was ended${because(fact.data.reason)}`;
    case 'TaskRestarting': {
      const { delayMs, attempt, isCounted, reason } = fact.data;
      const count = isCounted ? `, restart ${attempt} of this interval` : '';
      return `it starts again in ${formatDuration(delayMs)}${count}${because(reason)}`;
    }
    case 'RestartDelayElapsed':
      return 'the delay is over';
    case 'TaskNotRestarting':
      return `it is over, ${fact.data.outcome}${because(fact.data.reason)}`;
    case 'TaskHeld':
      return `it is held for inspection${because(fact.data.reason)}`;
    case 'TaskResumed':
      return 'somebody resumed it';
    case 'TaskRevived':
      return 'it begins anew with its alloc';
    case 'TaskStuck':
      return `it cannot be ended: ${fact.data.message}`;
    case 'CleanupCompleted':
      return 'what it left was cleaned up';
    default:
      return undefined;
  }
}

function exitText(end: Extract<Fact, { type: 'TaskExited' }>['data']): string {
  const { exitCode, signal, oomKilled } = end;
  if (oomKilled) return `was killed by the kernel, which had no memory left for it`;
  if (signal !== null) return `was ended by ${signal}`;
  const shell =
    exitCode !== null && exitCode > 128 ? signalName(String(exitCode - 128)) : undefined;
  const hint = shell === undefined ? '' : `, which a shell says of ${shell}`;
  return `exited with code ${exitCode}${hint}`;
}

/** Why an alloc that had ended was let go. */
const RULES = {
  wish: 'somebody asked for it',
  age: 'it had ended long enough ago',
  count: 'more had ended than are kept',
  disk: 'the disk was too full',
  inodes: 'the disk had too few inodes left',
} as const;

function allocText(fact: Fact): string | undefined {
  switch (fact.type) {
    case 'AllocReceived':
      return fact.data.recovered
        ? 'the alloc was found again after the store was lost'
        : 'somebody asked for the alloc';
    case 'AllocGateOpened':
      return `its ${fact.data.gate} tasks may begin`;
    case 'AllocPoststartOpened':
      return 'its poststart tasks may begin';
    case 'AllocPoststopOpened':
      return 'its poststop tasks may begin: all others are over';
    case 'AllocUpdated':
      return updateText(fact.data);
    case 'AllocReplacing':
      return `it takes over from alloc ${fact.data.predecessor} when that one is over`;
    case 'AllocReplaced':
      return 'the alloc before it is over';
    case 'AllocStopping': {
      const who = fact.data.isWished ? 'somebody asked for its end' : 'it is stopped';
      return `${who}${because(fact.data.reason)}`;
    }
    case 'AllocRestarting':
      return `all of its tasks begin anew${because(fact.data.reason)}`;
    case 'AllocRestarted':
      return 'all of its tasks stand still, and begin anew';
    case 'AllocStopped':
      return `the alloc is over, ${fact.data.status}${because(fact.data.reason)}`;
    case 'AllocRemoved':
      return `its files were removed${because(RULES[fact.data.rule ?? 'count'])}`;
    case 'AllocRemovalFailed':
      return `its files could not be removed, which is tried again${because(fact.data.reason)}`;
    default:
      return undefined;
  }
}

function updateText({ version, changes }: Extract<Fact, { type: 'AllocUpdated' }>['data']): string {
  const parts = changes.map(({ task, action }) => `${task}: ${action}`);
  const what = parts.length === 0 ? '' : ` (${parts.join(', ')})`;
  return `somebody asked for version ${version} of the alloc${what}`;
}

function nodeText(fact: Fact): string | undefined {
  switch (fact.type) {
    case 'AgentStarted':
      return `agent ${fact.data.agentEpoch} started, version ${fact.data.version}`;
    case 'AgentStopping':
      return `the agent was closed (tasks: ${fact.data.tasks})`;
    case 'HostLost':
      return `${hostText(fact.data)} was lost: ${fact.data.reason}`;
    case 'StoreDamaged':
      return `the store was damaged: ${fact.data.reason}`;
    case 'DriverFingerprinted':
      return `driver ${fact.data.driver} is ${fact.data.health}: ${fact.data.message}`;
    case 'DriverLeftoverFound': {
      const { driver, kind, name, verdict, reason } = fact.data;
      const what = verdict === 'remove' ? 'was left over and is removed' : 'is left over';
      return `${kind} ${name} of ${driver} ${what}${because(reason)}`;
    }
    case 'StreamQuarantined':
      return `${fact.data.stream} cannot be read: ${fact.data.message}`;
    case 'StoreCompacted':
      return `of ${fact.data.streams.length} streams everything was removed`;
    case 'SinkSkipped':
      return `sink ${fact.data.sink} missed what was removed before ${fact.data.oldest}`;
    case 'SafeModeEntered':
      return 'agents died too often: nothing was started for a while';
    case 'DiskLow':
      return `the disk was nearly full: ${fact.data.freeBytes} bytes`;
    default:
      return undefined;
  }
}

function hostText(host: { kind: string; hostId: string; driver?: string }): string {
  if (host.kind === 'driver') return `the process of driver ${host.driver ?? host.hostId}`;
  const owner = host.driver === undefined ? '' : ` of driver ${host.driver}`;
  return `the ${host.kind} host ${host.hostId}${owner}`;
}
