/** A host that did not answer, or did not know, is asked again after a while: it may be gone, busy or just replaced. */
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 200;

/** Resolves when it is time, or at once when `signal` aborts. */
export async function untilNextLook(signal?: AbortSignal): Promise<void> {
  await delay(LOOK_AGAIN_MS, undefined, signal && { signal }).catch(() => undefined);
}
