/** An agent in this process whose only driver is docker, and what became of its tasks. */
import type { AllocHandle, PublicEvent } from '../../src/api.ts';
import { docker } from '../../src/drivers/docker/docker.ts';
import type { DockerDriverOptions } from '../../src/drivers/docker/options.ts';
import { dockerEngine } from '../../src/engine/docker-engine.ts';
import type { EnginePlace } from '../../src/engine/engine-call.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExecRig } from '../drivers/exec-rig.ts';
import { IMAGE } from './engine-rig.ts';

interface AgentWish extends DockerDriverOptions {
  readonly engineOf?: (place: EnginePlace) => Engine;
}

export function dockerAgent(
  endpoint: string,
  { engineOf = dockerEngine, ...options }: AgentWish = {},
): ExecRig {
  return new ExecRig([docker({ endpoint, ...options }, async (at) => engineOf(at))]);
}

/** Says that it runs, and goes on until it is told to end. */
const LASTING = 'echo x >>/alloc/data/ran; trap "exit 143" TERM; while :; do sleep 0.05; done';

export async function lasting(rig: ExecRig, script = LASTING): Promise<AllocHandle> {
  const orchestrator = await rig.orchestrator();
  return orchestrator.run(rig.group(script, { driver: 'docker', config: { image: IMAGE } }));
}

/** How often its program began, by its own word. */
export function timesRun({ dataDir }: ExecRig, { allocId }: AllocHandle): number {
  return (
    readFileSync(join(dataDir, 'allocs', allocId, 'alloc/data/ran'), 'utf8').split('\n').length - 1
  );
}

/** What was recorded of the task, in order. */
export async function recorded(alloc: AllocHandle): Promise<readonly string[]> {
  const types: string[] = [];
  for await (const { type } of alloc.events({ until: 'head' })) types.push(type);
  return types;
}

/** Resolves with the first event of this type. */
export async function untilRecorded(alloc: AllocHandle, type: string): Promise<PublicEvent> {
  for await (const event of alloc.events()) {
    if (event.type === type) return event;
  }
  throw new Error(`${type} was never recorded`);
}
