/**
 * A task's events in Nomad's types and display texts (`nomad/structs/structs.go`, `TaskEvent`): what people know from
 * `nomad alloc status`. What Nomad has no word for is told by the nearest one, or left out.
 */
import type { PublicEvent } from '../api.ts';
import { SIGNAL_NAMES } from '../spec/signal-names.ts';
import type { NomadTaskEvent } from '../api/task-history.ts';
import { asFact, type Fact } from './fact.ts';

interface Told {
  readonly type: string;
  readonly displayMessage: string;
  readonly details?: Readonly<Record<string, string>>;
}

/** `events` are those of the alloc and of its tasks, in order; of other tasks nothing is told. */
export function nomadTaskEvents(
  events: readonly PublicEvent[],
  task: string,
): readonly NomadTaskEvent[] {
  const told = new Telling();
  return events.flatMap((event) => {
    if (event.task !== null && event.task !== task) return [];
    const { position, time, run } = event;
    return told.tell(asFact(event)).map((one) => ({ details: {}, ...one, position, time, run }));
  });
}

class Telling {
  #shutdownDelayMs = 0;
  #isDirMade = false;
  #isLive = false;
  #isWaiting = false;

  tell(fact: Fact): readonly Told[] {
    switch (fact.type) {
      case 'TaskReceived':
        this.#isLive = true;
        this.#shutdownDelayMs = fact.data.shutdownDelayMs ?? 0;
        return [{ type: 'Received', displayMessage: 'Task received by client' }];
      case 'TaskUpdated':
        // Nomad tells a task's restart by its own words only.
        this.#shutdownDelayMs = fact.data.shutdownDelayMs ?? 0;
        return [];
      case 'HookCompleted':
        return fact.data.hook === 'task-dir' ? this.#setup() : [];
      case 'HookMessage':
        // Results of quick hooks are recorded together, and later than what a slower one says.
        return [...this.#setup(), hookMessage(fact.data)];
      case 'TaskRevived':
        this.#isLive = true;
        return [restartSignaled('')];
      case 'TaskNotRestarting':
      case 'TaskKilled':
        this.#isLive = false;
        return endingOf(fact);
      case 'TaskKilling':
        return this.#killing(fact.data);
      case 'AllocStopping':
        return this.#isLive ? stoppingOf(fact.data) : [];
      default:
        return runTold(fact) ?? hookFailed(fact) ?? [];
    }
  }

  #setup(): readonly Told[] {
    if (this.#isDirMade) return [];
    this.#isDirMade = true;
    return [one('Task Setup', 'Building Task Directory')];
  }

  #killing(kill: Extract<Fact, { type: 'TaskKilling' }>['data']): readonly Told[] {
    const { then, reason, killTimeoutMs, signalAt } = kill;
    if (then === 'restart') return [restartSignaled(reason)];
    const delay = goDuration(this.#shutdownDelayMs);
    if (this.#isWaiting) {
      const text = `Skipping shutdown_delay of ${delay} before killing the task.`;
      return [{ type: 'Skipping shutdown delay', displayMessage: text }];
    }
    const wait = goDuration(killTimeoutMs);
    const killing = {
      type: 'Killing',
      displayMessage: `Sent interrupt. Waiting ${wait} before force killing`,
      details: { kill_timeout: wait, ...(reason === '' ? {} : { kill_reason: reason }) },
    };
    if (signalAt === undefined || this.#shutdownDelayMs === 0) return [killing];
    this.#isWaiting = true;
    const text = `Waiting for shutdown_delay of ${delay} before killing the task.`;
    return [killing, { type: 'Waiting for shutdown delay', displayMessage: text }];
  }
}

function runTold(fact: Fact): readonly Told[] | undefined {
  switch (fact.type) {
    case 'TaskStarted':
      return [{ type: 'Started', displayMessage: 'Task started by client' }];
    case 'TaskStartFailed': {
      const { code, message } = fact.data;
      const isInvalid = code === 'SPEC_INVALID' || code === 'DRIVER_CONFIG_INVALID';
      return [
        isInvalid
          ? one('Failed Validation', message, { validation_error: message })
          : one('Driver Failure', message, { driver_error: message }),
      ];
    }
    case 'TaskExited':
      return [terminated(fact.data)];
    case 'TaskLost':
      return [one('Failed Restoring Task', fact.data.reason)];
    case 'TaskSignaled': {
      const { signal, reason = '' } = fact.data;
      const text = `Task being sent signal ${signal}${reason === '' ? '' : `: ${reason}`}`;
      return [one('Signaling', text, { task_signal: signal, task_signal_reason: reason })];
    }
    case 'TaskRestarting': {
      const { reason, delayMs } = fact.data;
      const wait = `Task restarting in ${goDuration(delayMs)}`;
      const isUsual = reason === '' || reason === WITHIN_POLICY;
      const text = isUsual ? wait : `${reason} - ${wait}`;
      return [one('Restarting', text, { restart_reason: reason, start_delay: nanos(delayMs) })];
    }
    case 'TaskHeld':
      return [one('Not Restarting', fact.data.reason, { restart_reason: fact.data.reason })];
    case 'TaskResumed':
      return [restartSignaled('')];
    case 'DriverMessage':
      return [
        one('Driver', fact.data.message, {
          ...fact.data.details,
          driver_message: fact.data.message,
        }),
      ];
    case 'TaskStuck':
      return [one('Driver', fact.data.message, { driver_message: fact.data.message })];
    default:
      return undefined;
  }
}

function hookMessage({ hook, message }: Extract<Fact, { type: 'HookMessage' }>['data']): Told {
  const isBeginning = hook === 'artifacts' && message === 'Downloading Artifacts';
  if (isBeginning) return one('Downloading Artifacts', 'Client is downloading artifacts');
  return one('Task hook message', message, { message });
}

function hookFailed(fact: Fact): readonly Told[] | undefined {
  if (fact.type !== 'HookFailed') return undefined;
  const { hook, message } = fact.data;
  if (hook === 'artifacts') {
    return [one('Failed Artifact Download', message, { download_error: message })];
  }
  if (hook === 'validate') {
    return [one('Failed Validation', message, { validation_error: message })];
  }
  if (hook === 'task-dir') return [one('Setup Failure', message, { setup_error: message })];
  return [one('Task hook failed', `${hook}: ${message}`, { message: `${hook}: ${message}` })];
}

/** A task that ended by itself and as it should is over without another word. */
function endingOf(fact: Extract<Fact, { type: 'TaskNotRestarting' | 'TaskKilled' }>): Told[] {
  if (fact.type === 'TaskKilled') return [one('Killed', 'Task successfully killed')];
  const { outcome, reason } = fact.data;
  if (outcome === 'complete') return [];
  const text = reason === '' ? 'Task exceeded restart policy' : reason;
  return [one('Not Restarting', text, { restart_reason: text, fails_task: 'true' })];
}

/** What the alloc says to those that still live. */
function stoppingOf(stop: Extract<Fact, { type: 'AllocStopping' }>['data']): readonly Told[] {
  const { cause, task } = stop;
  if (cause === 'leader') return [one('Leader Task Dead', 'Leader Task in Group dead')];
  if (cause === 'mains') return [one('Main Tasks Dead', 'Main tasks in the group died')];
  if (cause !== 'sibling') return [];
  if (task === undefined) return [one('Sibling Task Failed', "Task's sibling failed")];
  const text = `Task's sibling "${task}" failed`;
  return [one('Sibling Task Failed', text, { failed_sibling: task })];
}

function terminated(end: Extract<Fact, { type: 'TaskExited' }>['data']): Told {
  const signal = end.signal === null ? 0 : signalNumber(end.signal);
  // As Nomad's executor counts it.
  const code = end.exitCode ?? 128 + signal;
  const message = end.oomKilled ? 'OOM Killed' : '';
  const parts = [`Exit Code: ${code}`];
  if (signal !== 0) parts.push(`Signal: ${signal}`);
  if (message !== '') parts.push(`Exit Message: "${message}"`);
  return one('Terminated', parts.join(', '), {
    exit_code: String(code),
    signal: String(signal),
    oom_killed: String(end.oomKilled),
    ...(message === '' ? {} : { exit_message: message }),
  });
}

function signalNumber(name: string): number {
  return (SIGNAL_NAMES as readonly string[]).indexOf(name) + 1;
}

function restartSignaled(reason: string): Told {
  const text = reason === '' ? 'Task signaled to restart' : reason;
  return one('Restart Signaled', text, reason === '' ? {} : { restart_reason: reason });
}

const WITHIN_POLICY = 'Restart within policy';

function one(type: string, displayMessage: string, details: Told['details'] = {}): Told {
  return { type, displayMessage, details };
}

function nanos(ms: number): string {
  return String(BigInt(Math.round(ms)) * 1_000_000n);
}

/** As Go writes a duration: `17.233s`, `1m30s`, `2h0m0s`, `500ms`. */
export function goDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole === 0) return '0s';
  if (whole < 1000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = `${(whole % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
