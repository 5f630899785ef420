/** What a group is run with, as messages, both ways. */
import { HoldfastError } from '../errors.ts';
import type { RunOptions } from '../api.ts';
import type { RunRequest } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';
import { fromIdentity } from './env-messages.ts';

export function toRunRequest(
  spec: GroupSpecInput,
  { allocId = '', identity, payload, ifVersion }: RunOptions,
  requestId: string,
): RunRequest {
  return {
    spec: toSpecBytes(spec),
    allocId,
    requestId,
    identity: identity && { ...identity },
    payload: payload && Buffer.from(payload),
    ifVersion,
  };
}

export function fromRunRequest(request: RunRequest): RunOptions {
  const { allocId, requestId, identity, payload, ifVersion } = request;
  return {
    ...(allocId !== '' && { allocId }),
    ...(requestId !== '' && { requestId }),
    ...fromIdentity(identity),
    ...(payload !== undefined && { payload }),
    ...(ifVersion !== undefined && { ifVersion }),
  };
}

export function toSpecBytes(spec: GroupSpecInput): Buffer {
  return Buffer.from(JSON.stringify(spec));
}

/** What the group should be like is the orchestrator's to check; here it only has to be JSON. Errors: SPEC_INVALID. */
export function parseSpec(bytes: Uint8Array): GroupSpecInput {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as GroupSpecInput;
  } catch (cause) {
    throw new HoldfastError('SPEC_INVALID', 'the group is not JSON', { cause });
  }
}
