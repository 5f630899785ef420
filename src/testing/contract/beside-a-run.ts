/** Of drivers that run commands beside their programs. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunRequest } from '../../drivers/driver.ts';
import type { SessionWish } from '../../drivers/session.ts';
import { HoldfastError } from '../../errors.ts';
import { LEFTOVER_PLAN } from '../../machines/kill-policy.ts';
import { type DriverRig, type DriverRule, never, rule, same, started } from './rule.ts';

const PATIENCE_MS = 20_000;
const SIZE = { columns: 100, rows: 30 };
/** An engine may give a terminal its size a moment after the command began. */
const SIZED = `i=0; until [ "$(stty size 2>/dev/null)" = "30 100" ]; do
i=$((i+1)); [ $i -lt 100 ] || exit 9; sleep 0.05; done; exit 0`;

type Asked = Pick<SessionWish, 'argv'> & Partial<SessionWish>;

interface Begun {
  readonly output: Promise<Buffer>;
  readonly exitCode: Promise<number | null>;
  write(bytes: Buffer): Promise<void>;
}

async function begun(rig: DriverRig, run: RunRequest, asked: Asked): Promise<Begun> {
  const { driver, sessions } = rig;
  assert.ok(sessions !== undefined && driver.openSession !== undefined);
  const plain = { env: {}, user: undefined, cwd: undefined, terminal: undefined };
  const id = randomUUID();
  await driver.openSession(run, { ...plain, ...asked, session: id }, { sessions });
  const place = { id, launchKey: run.launchKey, allocId: run.allocId, task: run.task.name };
  const end = sessions.keepUnrecorded(place);
  end.catch(() => undefined);
  const reading = await sessions.read(place, undefined);
  const output = async (): Promise<Buffer> => {
    const parts: Uint8Array[] = [];
    for await (const { data } of reading.output) parts.push(data);
    return Buffer.concat(parts);
  };
  const exitCode = async (): Promise<number | null> => (await end).exitCode;
  return {
    output: output(),
    exitCode: exitCode(),
    async write(bytes) {
      await sessions.write(place, 0, bytes, false);
      await sessions.write(place, bytes.length, Buffer.alloc(0), true);
    },
  };
}

/** Not tried with a driver that cannot. */
function besideRule(
  title: string,
  attempt: (rig: DriverRig, run: RunRequest) => Promise<string | void | undefined>,
): DriverRule {
  return rule(title, async (rig) => {
    if (rig.driver.openSession === undefined) return 'the driver runs no commands beside its runs';
    if (rig.sessions === undefined) return 'the rig has no sessions';
    const run = await rig.lasting();
    await started(rig, run);
    return attempt(rig, run);
  });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => HoldfastError.from(error).code,
  );
}

export const BESIDE_A_RUN: readonly DriverRule[] = [
  besideRule(
    'gives a command every byte that is written, and the end of them',
    async (rig, run) => {
      const bytes = Buffer.from(Array.from({ length: 65_536 }, (_one, index) => index % 256));
      const command = await begun(rig, run, { argv: ['cat'] });
      await command.write(bytes);
      const isSame = (await command.output).equals(bytes);
      same(isSame, true, 'a command did not get, or did not give, the bytes that were written');
      same(await command.exitCode, 0, 'a command did not read the end of its input');
    },
  ),
  besideRule('tells the exit code of a command as it is', async (rig, run) => {
    const command = await begun(rig, run, { argv: ['sh', '-c', 'exit 7'] });
    same(await command.exitCode, 7, 'the exit code of a command was told as another end');
  }),
  besideRule('gives a command a terminal of the size that was asked for', async (rig, run) => {
    try {
      const command = await begun(rig, run, { argv: ['sh', '-c', SIZED], terminal: SIZE });
      same(await command.exitCode, 0, 'a command has no terminal of the size that was asked for');
      return undefined;
    } catch (error) {
      if (!HoldfastError.is(error, 'CAPABILITY_MISSING')) throw error;
      return error.message;
    }
  }),
  besideRule('says of a command that is not there that it is not', async (rig, run) => {
    const code = await codeOf(begun(rig, run, { argv: ['no-such-command'] }));
    same(code, 'COMMAND_NOT_FOUND', 'a command that is not there was not refused as such');
  }),
  besideRule('ends a command with the run beside which it is', async (rig, run) => {
    const command = await begun(rig, run, { argv: ['sleep', '600'] });
    await rig.driver.stop(run, LEFTOVER_PLAN, rig.doors, never);
    const late = delay(rig.patienceMs ?? PATIENCE_MS, 'late', { ref: false });
    const ended = await Promise.race([command.exitCode.then(() => 'ended'), late]);
    same(ended, 'ended', 'a command goes on after the run beside which it is');
  }),
  besideRule('begins no command beside a run that has ended', async (rig, run) => {
    await rig.driver.stop(run, LEFTOVER_PLAN, rig.doors, never);
    const code = await codeOf(begun(rig, run, { argv: ['cat'] }));
    same(code, 'WRONG_STATE', 'a command beside a run that has ended was not refused as such');
  }),
];
