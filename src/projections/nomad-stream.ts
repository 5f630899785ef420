/**
 * Events in the shape of Nomad's `/v1/event/stream`, for what reads that already: topics, types, keys and the line are
 * Nomad's (nomad/structs/event.go), what is in `Payload` is what a client knows of an alloc.
 */
import type { PublicEvent } from '../api.ts';

export interface NomadStreamEvent {
  readonly Topic: 'Allocation' | 'Node' | 'Service';
  readonly Type: string;
  readonly Key: string;
  readonly Namespace: string;
  readonly FilterKeys: readonly string[];
  readonly Index: number;
  readonly Payload: Readonly<Record<string, unknown>>;
}

/** `Topic:key` as in a query; `*` is all. */
export interface TopicFilter {
  readonly topic: string;
  readonly key: string;
}

/** Every event is told: what is no creation is an update, with the event itself beside it. */
export function nomadStreamEvent(event: PublicEvent, nodeId: string): NomadStreamEvent {
  const { position, allocId, alloc, task, run, type, time, data } = event;
  const told = { Event: type, Time: time, Details: data };
  if (allocId === null) {
    const node = { ID: nodeId, ModifyIndex: position };
    const kind = type === 'AgentStarted' ? 'NodeRegistration' : 'NodeStreamEvent';
    return {
      Topic: 'Node',
      Type: kind,
      Key: nodeId,
      ...sorted(position, []),
      Payload: { Node: node, ...told },
    };
  }
  const name = alloc ?? allocId;
  if (type === 'ServiceRegistered' || type === 'ServiceDeregistered') {
    const { service } = (data ?? {}) as { service?: unknown };
    const known = typeof service === 'string' ? service : '';
    const Service = { ServiceName: known, AllocID: allocId, NodeID: nodeId, JobID: name };
    // Nomad's words for the two end in another way.
    const Type = type.replace(/ered$/, 'ration');
    const keys = sorted(position, [name, known]);
    return { Topic: 'Service', Type, Key: allocId, ...keys, Payload: { Service, ...told } };
  }
  const created = type === 'AllocReceived';
  return {
    Topic: 'Allocation',
    Type: created ? 'AllocationCreated' : 'AllocationUpdated',
    Key: allocId,
    ...sorted(position, [name]),
    Payload: {
      Allocation: {
        ID: allocId,
        Name: name,
        JobID: name,
        TaskGroup: name,
        Namespace: 'default',
        NodeID: nodeId,
        ModifyIndex: position,
      },
      ...(task === null ? {} : { Task: task, Run: run }),
      ...told,
    },
  };
}

export function isWanted(event: NomadStreamEvent, filters: readonly TopicFilter[]): boolean {
  if (filters.length === 0) return true;
  return filters.some(({ topic, key }) => {
    if (topic !== '*' && topic !== event.Topic) return false;
    return key === '*' || key === event.Key || event.FilterKeys.includes(key);
  });
}

function sorted(
  position: number,
  FilterKeys: readonly string[],
): Pick<NomadStreamEvent, 'Namespace' | 'FilterKeys' | 'Index'> {
  return { Namespace: 'default', FilterKeys, Index: position };
}
