/** Commands beside containers: what a user of `docker exec` expects, through an agent and a real engine. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AllocHandle, ExecOptions, ExecSession, Orchestrator } from '../../src/api.ts';
import { until } from '../acceptance/rig.ts';
import type { ExecRig } from '../drivers/exec-rig.ts';
import { processesOf } from '../processes/session-rig.ts';
import { dockerAgent } from './docker-agent.ts';
import { EngineRig, IMAGE, whyNoEngine } from './engine-rig.ts';

const missing = whyNoEngine();
const TERMINAL = { terminal: { columns: 100, rows: 30 } };
const MEBIBYTE = 1024 * 1024;
const LASTING = 'trap "exit 143" TERM; while :; do sleep 0.05; done';

interface Heard {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Reads to the end, or until `enough` says so. */
async function hear(session: ExecSession, enough?: (text: string) => boolean): Promise<Heard> {
  const parts: { stream: string; data: Uint8Array }[] = [];
  const of = (name: string): Buffer =>
    Buffer.concat(parts.filter(({ stream }) => stream === name).map(({ data }) => data));
  for await (const chunk of session.output) {
    parts.push(chunk);
    if (enough?.(of('stdout').toString()) === true) break;
  }
  return { stdout: of('stdout'), stderr: of('stderr') };
}

const textOf = async (session: ExecSession): Promise<string> =>
  (await hear(session)).stdout.toString().replaceAll('\r', '');

describe.skipIf(missing !== undefined)(`a command beside a container ${missing ?? ''}`, () => {
  let engine: EngineRig;
  let rig: ExecRig;
  let agent: Orchestrator;
  let alloc: AllocHandle;

  beforeAll(async () => {
    engine = await EngineRig.open();
    rig = dockerAgent(engine.endpoint);
    agent = await rig.orchestrator();
    alloc = await run('web', LASTING);
  });
  afterAll(async () => {
    const open = await rig.orchestrator();
    await open.close({ tasks: 'stop' });
    await rig.end();
    await engine.close();
  });

  const run = async (name: string, script: string, more: object = {}): Promise<AllocHandle> => {
    const config = { image: IMAGE, workDir: '/tmp' };
    const task = { driver: 'docker', config, env: { FROM_SPEC: 'yes' }, ...more };
    const handle = await agent.run({ ...rig.group(script, task), name });
    await until('the task runs', async () => {
      const [view] = (await agent.inspect(handle.allocId)).tasks;
      return view?.state === 'running';
    });
    return handle;
  };
  const shell = (script: string, options?: ExecOptions): Promise<ExecSession> =>
    agent.exec('web', ['sh', '-c', script], options);

  it('has its output told apart and ends with its own code', async () => {
    const session = await shell('echo out; echo err >&2; exit 7');
    const { stdout, stderr } = await hear(session);
    expect([stdout.toString(), stderr.toString()]).toEqual(['out\n', 'err\n']);
    expect(await session.exit).toEqual({ exitCode: 7, signal: null, reason: 'exited' });
  });

  it.each([{}, TERMINAL])('tells every exit code as it is %j', async (options) => {
    for (const exitCode of [0, 1, 126, 127, 137, 143, 255]) {
      const session = await shell(`exit ${exitCode}`, options);
      expect(await session.exit).toEqual({ exitCode, signal: null, reason: 'exited' });
    }
  });

  it('has the environment, user and directory of its task, and what was asked for', async () => {
    const words = 'pwd; id -u; echo $FROM_SPEC $NOMAD_TASK_NAME $ADDED';
    expect(await textOf(await shell(words))).toBe('/tmp\n0\nyes main\n');
    const asked = { env: { ADDED: 'too' }, user: 'nobody', cwd: '../etc' };
    expect(await textOf(await shell(words, asked))).toBe('/etc\n65534\nyes main too\n');
  });

  it('takes a mebibyte of all byte values and gives it back, and reads the end of its input', async () => {
    const bytes = randomBytes(MEBIBYTE);
    for (let value = 0; value < 256; value += 1) bytes[value] = value;
    const session = await shell('cat; echo end >&2; exit 3');
    const heard = hear(session);
    await session.write(bytes);
    await session.end();
    const { stdout, stderr } = await heard;
    expect(stdout.equals(bytes)).toBe(true);
    expect(stderr.toString()).toBe('end\n');
    expect(await session.exit).toMatchObject({ exitCode: 3 });
  });

  it('takes every byte value at a terminal, those too by which an engine lets go of one', async () => {
    const bytes = Buffer.from(Array.from({ length: 4_096 }, (_one, index) => index % 256));
    // What a terminal is let go of by at an engine unless it is told otherwise.
    const keys = Buffer.concat([Buffer.from([16, 17]), bytes, Buffer.from([16, 17, 0])]);
    const script = `stty raw -echo; echo ready; head -c ${keys.length} | od -An -v -tx1`;
    const session = await shell(script, TERMINAL);
    let text = '';
    for await (const { data } of session.output) {
      text += Buffer.from(data);
      if (text.replace('\r', '') === 'ready\n') {
        await session.write(keys);
        await session.write('.');
      }
    }
    const hex = text.slice(text.indexOf('\n')).replaceAll(/\s/g, '');
    expect(hex).toBe(keys.toString('hex'));
  });

  it('waits while nobody takes its output, and nothing is lost', async () => {
    const session = await shell(`head -c ${3 * MEBIBYTE} /dev/zero | tr '\\0' x; echo done >&2`);
    const iterator = session.output[Symbol.asyncIterator]();
    let count = 0;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      if (next.value.stream === 'stdout') count += next.value.data.length;
      if (count < 10_000) await until('it waits', async () => processesOf(session.id).length > 0);
    }
    expect(count).toBe(3 * MEBIBYTE);
  });

  it('has a terminal of the size that was asked for, and every new size', async () => {
    const script =
      'while [ "$(stty size 2>/dev/null)" != "30 100" ]; do sleep 0.02; done; ' +
      'trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 0.05; done';
    const session = await shell(script, TERMINAL);
    let text = '';
    for await (const { data } of session.output) {
      text += Buffer.from(data);
      if (text === 'ready\r\n') await session.resize({ columns: 60, rows: 20 });
    }
    expect(text).toBe('ready\r\n20 60\r\n');
    expect(await session.exit).toMatchObject({ exitCode: 5 });
  });

  it('is interrupted by ^C and ended by ^D, as at any terminal', async () => {
    const session = await shell(
      'trap "echo int; cat; exit 4" INT; echo ready; sleep 100',
      TERMINAL,
    );
    let text = '';
    for await (const { data } of session.output) {
      const before = text;
      text += Buffer.from(data);
      if (!before.includes('ready') && text.includes('ready')) await session.write('\x03');
      if (!before.includes('int') && text.includes('int')) await session.end();
    }
    expect(await session.exit).toMatchObject({ exitCode: 4 });
  });

  it('gives all of its output when it ends at once, time and again', async () => {
    for (let round = 0; round < 5; round += 1) {
      const session = await shell('seq 1 5000');
      const { stdout } = await hear(session);
      expect(stdout.toString().split('\n').length).toBe(5_001);
    }
  });

  it('ends with its own end, whatever it leaves behind', async () => {
    const session = await shell('sleep 30 & echo left');
    expect(await textOf(session)).toBe('left\n');
    expect(await session.exit).toMatchObject({ exitCode: 0 });
    expect(processesOf(session.id).length).toBe(1);
    execFileSync('kill', processesOf(session.id).map(String));
  });

  it('is signalled with its whole group, and says by which signal it ended', async () => {
    const session = await shell('sleep 100; echo never');
    await until('it sleeps', async () => processesOf(session.id).length === 2);
    await session.signal('SIGTERM');
    expect(await session.exit).toEqual({
      exitCode: null,
      signal: 'SIGTERM',
      reason: 'ended by SIGTERM',
    });
    expect(processesOf(session.id)).toEqual([]);
  });

  it('that is hung up leaves nothing of it alive, however deaf it is', async () => {
    const session = await shell(
      'trap "" HUP TERM; setsid sleep 100 & echo up; while :; do sleep 1; done',
    );
    await hear(session, (text) => text.includes('up'));
    await session[Symbol.asyncDispose]();
    expect(await session.exit).toMatchObject({ reason: 'closed' });
    expect(processesOf(session.id)).toEqual([]);
  });

  it.each([{}, TERMINAL])('is refused in clear words when it cannot begin %j', async (options) => {
    const refused = (argv: readonly string[], more = {}): Promise<unknown> =>
      agent.exec('web', argv, { ...options, ...more }).catch((error: unknown) => error);
    expect(await refused(['no-such-command'])).toMatchObject({
      code: 'COMMAND_NOT_FOUND',
      message: 'command "no-such-command" was not found on PATH /bin',
    });
    expect(await refused(['/etc/passwd'])).toMatchObject({ code: 'COMMAND_NOT_EXECUTABLE' });
    expect(await refused(['true'], { cwd: '/no/where' })).toMatchObject({
      code: 'NOT_FOUND',
      message: 'the working directory /no/where is missing',
    });
    expect(await refused(['true'], { user: 'nobody-like-this' })).toMatchObject({
      code: 'NOT_FOUND',
      message: 'unable to find user nobody-like-this: no matching entries in passwd file',
    });
    const [name = ''] = engine.names();
    engine.docker('pause', name);
    const paused = await refused(['true']);
    engine.docker('unpause', name);
    expect(paused).toMatchObject({ code: 'WRONG_STATE', message: 'its container is paused' });
  });

  it('ends with its task', async () => {
    const other = await run('ending', LASTING);
    const session = await agent.exec('ending', ['sh', '-c', 'echo up; sleep 1000']);
    await hear(session, (text) => text.includes('up'));
    engine.docker('kill', ...engine.names().filter((name) => !isOf(name, alloc)));
    expect(await session.exit).toMatchObject({ exitCode: null });
    await other.wait();
    expect(processesOf(session.id)).toEqual([]);
    await expect(agent.exec('ending', ['true'])).rejects.toMatchObject({ code: 'WRONG_STATE' });
  });

  const isOf = (name: string, { allocId }: AllocHandle): boolean =>
    engine.docker('inspect', '--format', '{{json .Config.Labels}}', name).includes(allocId);

  it('leaves nothing at the engine', () => {
    const [name = ''] = engine.names();
    expect(engine.docker('inspect', '--format', '{{json .ExecIDs}}', name)).toBe('null');
  });

  describe('whose agent goes', () => {
    it('goes on, and is attached to by the next one, which gives every byte once', async () => {
      const session = await shell('echo one; read line; echo "got $line"; cat; exit 9');
      await hear(session, (text) => text.includes('one'));
      await agent.close({ tasks: 'leave' });
      await rig.close();
      agent = await rig.orchestrator();
      const again = await until('it can be attached to', () =>
        agent.attach(session.id).catch(() => undefined),
      );
      const heard = hear(again);
      await again.write('two\nthree\n');
      await again.end();
      const { stdout } = await heard;
      expect(stdout.toString().replace(/^one\n/, '')).toBe('got two\nthree\n');
      expect(await again.exit).toMatchObject({ exitCode: 9 });
    });

    it('is lost with its host, and nothing of it lives on', async () => {
      const session = await shell('echo up; sleep 1000');
      await hear(session, (text) => text.includes('up'));
      process.kill(hostPid(), 'SIGKILL');
      expect(await session.exit).toMatchObject({ exitCode: null, reason: 'its host was lost' });
      await until('it is gone', async () => processesOf(session.id).length === 0);
    });
  });

  describe('of a check', () => {
    const check = { type: 'script', interval: '200ms', timeout: '20s' } as const;

    it('says by its exit code how its task is, and is critical when its time is up', async () => {
      const flag = '[ -e /alloc/data/bad ] && exit 2; echo "$FROM_SPEC"';
      const checks = [
        { ...check, name: 'flag', command: 'sh', args: ['-c', flag] },
        { ...check, name: 'hangs', command: 'sleep', args: ['1000'], timeout: '1s' },
        { ...check, name: 'absent', command: 'no-such-command' },
      ];
      const { allocId } = await run('checked', LASTING, { checks });
      const statuses = async (): Promise<unknown> => {
        const { checks: found } = await agent.health('checked');
        return Object.fromEntries(found.map((one) => [one.check, one.status]));
      };
      const settled = (flagged: string) => async (): Promise<boolean> => {
        const wanted = { flag: flagged, hangs: 'critical', absent: 'critical' };
        return isDeepStrictEqual(await statuses(), wanted);
      };
      await until('each has spoken', settled('passing'));
      writeFileSync(join(rig.dataDir, 'allocs', allocId, 'alloc/data/bad'), '');
      await until('it is found bad', settled('critical'));
      const said: unknown[] = [];
      for await (const event of (await agent.alloc('checked')).events({ until: 'head' })) {
        if (event.type === 'CheckChanged') said.push(event.data);
      }
      expect(said).toContainEqual({ check: 'flag', status: 'passing', output: 'yes\n' });
      expect(said).toContainEqual({
        check: 'hangs',
        status: 'critical',
        output: 'timed out after 1 s',
      });
      await agent.stop('checked');
    });
  });

  /** Of the one docker logger. */
  function hostPid(): number {
    const hosts = join(rig.dataDir, 'state', 'hosts');
    const addresses = readdirSync(hosts)
      .map((id) => join(hosts, id, 'address.json'))
      .filter((path) => existsSync(path))
      .map((path) => JSON.parse(readFileSync(path, 'utf8')) as { kind: string; pid: number });
    return addresses.find(({ kind }) => kind === 'docker-logger')?.pid ?? 0;
  }
});
