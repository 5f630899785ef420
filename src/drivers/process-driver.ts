/** Everything that drivers share whose task is an ordinary process run by the executor. */
import { resolve } from 'node:path';
import { HoldfastError } from '../errors.ts';
import { findAccount } from '../os/accounts.ts';
import type { Driver, Fingerprint, ProgramWish, RunRequest, StartOutcome } from './driver.ts';
import { programEnv } from '../spec/program-env.ts';
import type { SessionCommand, SessionWish } from './session.ts';

export interface ProcessDriverSpec {
  readonly name: string;
  readonly fingerprint: () => Promise<Fingerprint>;
  readonly checkConfig: Driver['checkConfig'];
  /** Looks the program up. Throws COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE: nothing has been claimed then. */
  readonly program: (run: RunRequest) => Promise<ProgramWish>;
}

export function processDriver(spec: ProcessDriverSpec): Driver {
  return {
    name: spec.name,
    apiVersion: 1,
    fingerprint: spec.fingerprint,
    checkConfig: spec.checkConfig,
    inspect: (run, { executor }) => executor.inspect(run),
    async start(run, { executor }, signal): Promise<StartOutcome> {
      let program: ProgramWish;
      try {
        program = await spec.program(run);
      } catch (error) {
        // Nothing was claimed yet, so a bug of the driver is a refused start like any other, and says what it is.
        const { code, message, retryable } = HoldfastError.from(error);
        return { kind: 'refused', code, message, isRecoverable: retryable };
      }
      return executor.launch(run, program, signal);
    },
    isOwn: (run, { executor }) => executor.isOwn(run.launchKey),
    adopt: (run, { executor }, signal) => executor.adopt(run, signal),
    wait: (run, { executor }, signal) => executor.wait(run, signal),
    stop: (run, plan, { executor }, signal) => executor.stop(run, plan, signal),
    signal: (run, signal, { executor }) => executor.signal(run, signal),
    release: (run, { executor }) => executor.release(run),
    async openSession(run, wish, { sessions }) {
      // Who runs it is checked, and given what is his, as for a task of that user.
      if (wish.user !== undefined) await assertKnown(wish.user);
      const user = wish.user ?? run.task.user;
      const task = user === undefined ? run.task : { ...run.task, user };
      const program = await spec.program({ ...run, task });
      await sessions.open(run, sessionCommand(run, wish, program));
    },
    stats: (launchKey, query, { usage }) => usage.follow(launchKey, query),
  };
}

/** Who asks for a user that is not there has asked for something wrong: nothing failed. */
async function assertKnown(user: string): Promise<void> {
  await findAccount(user).catch((error: unknown) => {
    if (!HoldfastError.is(error, 'START_FAILED')) throw error;
    throw new HoldfastError('NOT_FOUND', error.message, { cause: error });
  });
}

/** The command has what the program has, but for what was asked for otherwise. */
function sessionCommand(run: RunRequest, wish: SessionWish, program: ProgramWish): SessionCommand {
  const { session, argv, terminal, slot } = wish;
  const env = { ...programEnv(run, program), ...wish.env };
  const cwd = resolve(program.cwd, wish.cwd ?? '.');
  return { session, argv, env, cwd, terminal, slot, confinement: program.confinement };
}
