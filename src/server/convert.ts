/**
 * Between the views of `api.ts` and the messages of holdfast.agent.v1, both ways. The fields have the same names; what
 * differs is that a message leaves out what a view calls null.
 */
import type {
  AgentView,
  AllocView,
  AllocViewState,
  PublicEvent,
  RecoveryOutcome,
  RecoveryReport,
  SinkView,
  TaskView,
  TaskViewState,
} from '../api.ts';
import type * as message from '../rpc/gen/holdfast/agent/v1/agent.ts';
import type { AllocType } from '../spec/alloc-spec.ts';

export function toTask(view: TaskView): message.Task {
  return {
    ...view,
    pid: view.pid ?? undefined,
    exitCode: view.exitCode ?? undefined,
    signal: view.signal ?? undefined,
    startedAt: view.startedAt ?? undefined,
    finishedAt: view.finishedAt ?? undefined,
    nextStartAt: view.nextStartAt ?? undefined,
    network: view.network ?? undefined,
  };
}

export function fromTask(task: message.Task): TaskView {
  return {
    ...task,
    state: task.state as TaskViewState,
    nomadState: task.nomadState as TaskView['nomadState'],
    pid: task.pid ?? null,
    exitCode: task.exitCode ?? null,
    signal: task.signal ?? null,
    startedAt: task.startedAt ?? null,
    finishedAt: task.finishedAt ?? null,
    nextStartAt: task.nextStartAt ?? null,
    network: task.network ?? null,
  };
}

export function toAlloc(view: AllocView): message.Alloc {
  return {
    ...view,
    ip: view.ip ?? undefined,
    ports: view.ports.map(({ to, ...port }) => ({ ...port, to: to ?? undefined })),
    tasks: view.tasks.map(toTask),
  };
}

export function fromAlloc(alloc: message.Alloc): AllocView {
  return {
    ...alloc,
    type: alloc.type as AllocType,
    state: alloc.state as AllocViewState,
    networkMode: alloc.networkMode || 'host',
    ip: alloc.ip ?? null,
    ports: alloc.ports.map(({ to, ...port }) => ({ ...port, to: to ?? null })),
    tasks: alloc.tasks.map(fromTask),
  };
}

export function toEvent(event: PublicEvent): message.Event {
  return {
    ...event,
    alloc: event.alloc ?? undefined,
    allocId: event.allocId ?? undefined,
    task: event.task ?? undefined,
    data: JSON.stringify(event.data ?? null),
  };
}

export function fromEvent(event: message.Event): PublicEvent {
  return {
    position: event.position,
    storeId: event.storeId,
    time: event.time,
    type: event.type,
    alloc: event.alloc ?? null,
    allocId: event.allocId ?? null,
    task: event.task ?? null,
    run: event.run,
    data: JSON.parse(event.data) as unknown,
  };
}

export function toAgent(view: AgentView): message.Agent {
  const { drivers, startsHeld, outputWaiting, capabilities, sinks } = view;
  return {
    ...view,
    drivers: [...drivers],
    startsHeld: [...startsHeld],
    outputWaiting: [...outputWaiting],
    capabilities: [...capabilities],
    sinks: sinks.map(({ lastError, lastErrorAt, ...sink }) => ({
      ...sink,
      lastError: lastError ?? undefined,
      lastErrorAt: lastErrorAt ?? undefined,
    })),
  };
}

export function fromAgent(agent: message.Agent): AgentView {
  const sinks = agent.sinks.map(({ type, state, lastError, lastErrorAt, ...sink }) => ({
    ...sink,
    type: type as SinkView['type'],
    state: state as SinkView['state'],
    lastError: lastError ?? null,
    lastErrorAt: lastErrorAt ?? null,
  }));
  return { ...agent, sinks };
}

export function toRecovery(report: RecoveryReport): message.Recovery {
  const { damage } = report;
  return {
    ...report,
    tasks: [...report.tasks],
    damage: damage === null ? undefined : { ...damage, lost: damage.lost ?? undefined },
  };
}

export function fromRecovery(recovery: message.Recovery): RecoveryReport {
  const { damage } = recovery;
  return {
    ...recovery,
    tasks: recovery.tasks.map((task) => ({ ...task, outcome: task.outcome as RecoveryOutcome })),
    damage: damage === undefined ? null : { ...damage, lost: damage.lost ?? null },
  };
}
