/** What a group is run with beside its spec: bytes for those of its tasks that ask for them. */
import type { SavedSpec } from '../actors/saved-spec.ts';
import { HoldfastError } from '../errors.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';

/** Nomad's limit (`DispatchPayloadSizeLimit`). */
const LONGEST_BYTES = 16 * 1024;

/** Throws USAGE for a payload that is too long, that nobody asks for, or that somebody would miss. */
export function assertPayload({ name, tasks }: AllocSpec, payload: Uint8Array | undefined): void {
  const asking = tasks.find(({ dispatchPayload }) => dispatchPayload !== undefined);
  if (payload === undefined) {
    if (asking === undefined) return;
    const text = `task ${asking.name} of group ${name} asks for a payload: run it with one (run --payload FILE)`;
    throw new HoldfastError('USAGE', text);
  }
  if (!(payload instanceof Uint8Array)) {
    throw new HoldfastError('USAGE', 'payload must be bytes (Uint8Array)');
  }
  if (asking === undefined) {
    const text = `no task of group ${name} asks for a payload: one does by dispatchPayload`;
    throw new HoldfastError('USAGE', text);
  }
  if (payload.length <= LONGEST_BYTES) return;
  const text = `a payload has at most ${LONGEST_BYTES} bytes, and this one has ${payload.length}: put it where the task can fetch it, as an artifact`;
  throw new HoldfastError('USAGE', text);
}

/** As it is saved. It is handed to nobody who records anything. */
export function withPayload(saved: SavedSpec, payload: Uint8Array | undefined): SavedSpec {
  if (payload === undefined) return saved;
  return { ...saved, payload: Buffer.from(payload).toString('base64') };
}
