/** What the drills of containers share: an engine of their own, and waiting for what it shows. */
import { setTimeout as delay } from 'node:timers/promises';
import { EngineRig } from '../../docker/engine-rig.ts';

/** With an engine that nobody else uses; nothing of it is left. */
export async function withEngine<T>(
  work: (engine: EngineRig) => Promise<T>,
  options: readonly string[] = [],
): Promise<T> {
  const engine = await EngineRig.open(options);
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

/** Throws `what` when `look` does not give true within a minute. */
export async function eventually(
  what: string | (() => string),
  look: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await look())) {
    if (performance.now() > deadline)
      throw new Error(`not within a minute: ${typeof what === 'string' ? what : what()}`);
    await delay(50);
  }
}

/** Throws unless what was found is what was wanted. */
export function insist(what: string, found: unknown, wanted: unknown): void {
  const [is, was] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (is !== was) throw new Error(`${what}: ${is}, not ${was}`);
}
