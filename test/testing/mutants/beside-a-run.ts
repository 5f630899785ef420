/** Drivers that do wrong with commands beside their runs. */
import { HoldfastError } from '../../../src/errors.ts';
import type { RunRequest } from '../../../src/drivers/driver.ts';
import type { SessionDoor, SessionWish } from '../../../src/drivers/session.ts';
import { mutant, type Mutant } from './mutant.ts';

type Open = (run: RunRequest, wish: SessionWish, sessions: SessionDoor) => Promise<void>;

/** `change` stands before what the driver does. */
const opening = (reason: string, change: (go: Open) => Open): Mutant =>
  mutant(reason, (driver) => {
    const go: Open = async (run, wish, sessions) => driver.openSession?.(run, wish, { sessions });
    const open = change(go);
    return { ...driver, openSession: (run, wish, { sessions }) => open(run, wish, sessions) };
  });

export const BESIDE_A_RUN: Readonly<Record<string, Mutant>> = {
  'gives a command every byte that is written, and the end of them': opening(
    'the bytes that were written',
    (go) => (run, wish, sessions) =>
      go(run, { ...wish, terminal: wish.terminal ?? { columns: 80, rows: 24 } }, sessions),
  ),
  'tells the exit code of a command as it is': opening(
    'told as another end',
    (go) => (run, wish, sessions) => {
      const argv = wish.argv.map((word) => word.replace(/^exit 7$/, 'exit 1'));
      return go(run, { ...wish, argv }, sessions);
    },
  ),
  'gives a command a terminal of the size that was asked for': opening(
    'no terminal of the size',
    (go) => (run, wish, sessions) => {
      const { terminal } = wish;
      const turned = terminal && { columns: terminal.rows, rows: terminal.columns };
      return go(run, { ...wish, terminal: turned }, sessions);
    },
  ),
  'says of a command that is not there that it is not': opening(
    'not refused as such',
    (go) => async (run, wish, sessions) =>
      go(run, wish, sessions).catch((error: unknown) => {
        if (!HoldfastError.is(error, 'COMMAND_NOT_FOUND')) throw error;
        throw new HoldfastError('START_FAILED', 'it did not work');
      }),
  ),
  'ends a command with the run beside which it is': opening(
    'goes on after the run',
    (go) => (run, wish, sessions) =>
      go(run, wish, {
        open: (of, command) =>
          sessions.open(wish.argv[0] === 'sleep' ? { ...of, launchKey: 'another' } : of, command),
      }),
  ),
  'begins no command beside a run that has ended': opening(
    'was not refused as such',
    (go) => async (run, wish, sessions) =>
      go(run, wish, sessions).catch((error: unknown) => {
        if (!HoldfastError.is(error, 'WRONG_STATE')) throw error;
        return sessions.open({ ...run, launchKey: 'another' }, { ...wish, cwd: '/' });
      }),
  ),
};
