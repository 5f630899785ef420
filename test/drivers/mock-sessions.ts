/** Commands beside runs of the mock driver: those that the contract asks for, played. */
import { HoldfastError } from '../../src/errors.ts';
import type { Driver, RunRequest } from '../../src/drivers/driver.ts';
import type { SessionCommand } from '../../src/drivers/session.ts';
import { mockDriver, type DriverRig, type MockWorld } from '../../src/testing/index.ts';

type RigSessions = NonNullable<DriverRig['sessions']>;

interface Played {
  readonly command: SessionCommand;
  readonly input: Buffer[];
  readonly end: PromiseWithResolvers<number | null>;
}

/** The mock driver, and one that hands on what it is asked for. */
export function mockBeside(world: MockWorld): Driver {
  return {
    ...mockDriver(world),
    openSession: (run, { session, argv, env, terminal }, { sessions }) =>
      sessions.open(run, { session, argv, env: { ...run.env, ...env }, cwd: '/', terminal }),
  };
}

export function mockSessions(world: MockWorld): RigSessions {
  const all = new Map<string, Played>();
  const of = (id: string): Played => {
    const played = all.get(id);
    if (played === undefined) throw new HoldfastError('NOT_FOUND', `no session ${id}`);
    return played;
  };
  return {
    async open({ launchKey }: Pick<RunRequest, 'launchKey' | 'mark'>, command: SessionCommand) {
      const run = world.runs().find((one) => one.launchKey === launchKey);
      if (run?.outcome !== undefined) throw new HoldfastError('WRONG_STATE', 'it has ended');
      const end = Promise.withResolvers<number | null>();
      all.set(command.session, { command, input: [], end });
      begin(command, end);
      void run?.ended.promise.then(() => end.resolve(null));
    },
    async keepUnrecorded({ id }) {
      return { exitCode: await of(id).end.promise, signal: null, reason: 'exited' };
    },
    async write({ id }, offset, data, closes) {
      const { command, input, end } = of(id);
      input.push(Buffer.from(data));
      if (closes && command.argv[0] === 'cat') end.resolve(0);
      return offset + data.length;
    },
    async read({ id }) {
      const played = of(id);
      return { outputOffset: 0, inputOffset: 0, output: outputOf(played), leave: () => undefined };
    },
  };
}

function begin({ argv, terminal }: SessionCommand, end: Played['end']): void {
  const [name, , script = ''] = argv;
  if (name === 'no-such-command') throw new HoldfastError('COMMAND_NOT_FOUND', 'there is none');
  const code = /^exit (\d+)$/.exec(script)?.[1];
  if (code !== undefined) end.resolve(Number(code));
  const isSized = terminal?.columns === 100 && terminal.rows === 30;
  if (script.includes('stty size')) end.resolve(isSized ? 0 : 9);
}

/** A terminal does not give back what was written into it. */
async function* outputOf({ command, input, end }: Played) {
  await end.promise;
  const text = Buffer.concat(input);
  const data =
    command.terminal === undefined ? text : Buffer.from(text.toString().replaceAll('\n', '\r\n'));
  yield { isStderr: false, data, offset: data.length };
}
