/** What is left of a task that is over, from its record: also when nobody released its runs, or ever saw them. */
import type { Engine } from '../../engine/engine.ts';
import type { DriverDoors, EndedTask } from '../driver.ts';
import type { Holding } from '../holdings.ts';
import { hasLabels } from './container-look.ts';
import { hasBegun, isLiving } from './container-sight.ts';
import { removeContainer } from './container-start.ts';
import type { Images } from './images.ts';
import type { DockerOptions } from './options.ts';

interface World {
  readonly engine: Engine;
  readonly options: DockerOptions;
  readonly images: Pick<Images, 'release'>;
}

/** What is not gone when this throws is tried again. */
export async function undoThings(
  world: World,
  things: readonly Holding[],
  of: EndedTask,
  doors: DriverDoors,
): Promise<void> {
  for (const thing of things) {
    if (thing.kind === 'container') await undoContainer(world, thing.id, of, doors);
    // It goes later, when no other task uses it: nothing to wait for.
    if (thing.kind === 'image') world.images.release(thing.id, of);
    await doors.holdings.forget(thing);
  }
}

/** A container of that name that is not ours was never what is recorded. */
async function undoContainer(
  { engine, options }: World,
  name: string,
  of: EndedTask,
  { claims }: DriverDoors,
): Promise<void> {
  const facts = await engine.inspectContainer(name);
  if (facts === undefined) return;
  const wanted = { instance: claims.instanceId, alloc: of.allocId, task: of.task.name };
  const isKept = !options.gc.isContainerOn && !isLiving(facts) && hasBegun(facts);
  if (hasLabels(facts, wanted) && !isKept) await removeContainer(engine, facts.id);
}
