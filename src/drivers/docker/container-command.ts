/** Commands beside the program of a container: run by its engine, with what the program has. */
import { posix } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import { EngineError } from '../../engine/engine-error.ts';
import { HoldfastError, messageOf } from '../../errors.ts';
import type { RunRequest } from '../driver.ts';
import type { SessionDoor, SessionWish } from '../session.ts';
import { findContainer } from './container-look.ts';
import { type Found, isLiving } from './container-sight.ts';
import type { DockerOptions } from './options.ts';

/** Errors: those of `SessionDoor.open`. */
export async function openContainerSession(
  { engine, options }: { readonly engine: Engine; readonly options: DockerOptions },
  run: RunRequest,
  wish: SessionWish,
  sessions: SessionDoor,
): Promise<void> {
  const found = await looked(engine, run);
  if (found.is !== 'ours' || !isLiving(found.facts)) {
    throw new HoldfastError('WRONG_STATE', 'its container does not run');
  }
  const { id, env, workDir } = found.facts;
  const { endpoint, tls } = options;
  const { session, argv, user, terminal, slot } = wish;
  await sessions.open(run, {
    session,
    argv,
    terminal,
    slot,
    env: { ...env, ...wish.env },
    cwd: posix.resolve(workDir, wish.cwd ?? '.'),
    container: { endpoint, tls, containerId: id, user },
  });
}

/** Throws UNAVAILABLE. */
async function looked(engine: Engine, run: RunRequest): Promise<Found> {
  const [instanceId = ''] = run.mark.split(':', 1);
  try {
    return await findContainer(engine, run, instanceId);
  } catch (error) {
    if (EngineError.of(error) === undefined) throw error;
    const text = `the engine does not answer: ${messageOf(error)}`;
    throw new HoldfastError('UNAVAILABLE', text, { cause: error });
  }
}
