/** An event as CloudEvents 1.0 has it, for everybody who is not our client. Dotted names exist only here. */
import type { PublicEvent } from '../api.ts';

/** https://github.com/cloudevents/spec, structured mode. Names of extensions are lower case, as it asks for. */
export interface CloudEvent {
  readonly specversion: '1.0';
  /** With `source` it is there once. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** `ALLOC/TASK`, `ALLOC`; absent for the machine. */
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** Extension `sequence`: compares as text. */
  readonly sequence: string;
  /** Extensions of ours. */
  readonly allocid?: string;
  readonly run?: number;
  readonly data: unknown;
}

/** `holdfast.task.started` for TaskStarted, `holdfast.task.hook-completed` for HookCompleted of a task. */
export function dottedName({ type, task, allocId }: PublicEvent): string {
  const kind = task !== null ? 'task' : allocId !== null ? 'alloc' : 'node';
  const words = type.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
  return `holdfast.${kind}.${words.startsWith(`${kind}-`) ? words.slice(kind.length + 1) : words}`;
}

/** `instanceId` is that of the agent: with the store's it names where the event is from. */
export function cloudEvent(event: PublicEvent, instanceId: string): CloudEvent {
  const { position, storeId, alloc, allocId, task, run } = event;
  const name = alloc ?? allocId;
  return {
    specversion: '1.0',
    id: `${storeId}/${position}`,
    source: sourceOf(instanceId, storeId),
    type: dottedName(event),
    ...(name === null ? {} : { subject: task === null ? name : `${name}/${task}` }),
    time: event.time,
    datacontenttype: 'application/json',
    sequence: String(position).padStart(20, '0'),
    ...(allocId === null ? {} : { allocid: allocId }),
    ...(run === 0 ? {} : { run }),
    data: event.data,
  };
}

export function sourceOf(instanceId: string, storeId: string): string {
  return `/holdfast/${instanceId}/${storeId}`;
}
