/** SIGHUP and real agents: what counts at once, what is only said, and what is refused without harm. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { countingGroup, Machine, pidsOf, until } from '../acceptance/rig.ts';

let machine: Machine;
let dir: string;
let config: string;

beforeEach(() => {
  machine = new Machine();
  dir = mkdtempSync(join(tmpdir(), 'hf-reload-'));
  config = join(dir, 'agent.yaml');
});
afterEach(async () => {
  await machine.scrap();
  rmSync(dir, { recursive: true, force: true });
});

interface Line {
  readonly message: string;
  readonly changed?: readonly string[];
  readonly needRestart?: readonly string[];
  readonly error?: string;
  readonly url?: string;
}

function lines(): readonly Line[] {
  const whole = machine.output.split('\n').slice(0, -1);
  return whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);
}

/** Gives the last line about it. */
async function hangUp(message: string): Promise<Line> {
  const count = (): number => lines().filter((line) => line.message === message).length;
  const before = count();
  process.kill(machine.agentPid, 'SIGHUP');
  await until(message, () => count() > before);
  return lines().findLast((line) => line.message === message) as Line;
}

function makeCertificate(name: string): { cert: string; key: string } {
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert, '-days', '2', ...subject], {
    stdio: 'ignore',
  });
  return { cert, key };
}

/** Whose certificate a new connection is shown; '' when there is none to be had. */
function shownName(port: number, tls: object = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect(
      { host: '127.0.0.1', port, rejectUnauthorized: false, ...tls },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      },
    );
    socket.on('error', () => resolve(''));
  });
}

const READ_ANEW = 'read the configuration anew';
const KEPT = 'the configuration stays as it was';

it('SIGHUP counts in the log, in what is kept and in who may call, and the tasks do not notice', async () => {
  const files = makeCertificate('first');
  const web = `http:\n  listen: 127.0.0.1:0\n  cert: ${files.cert}\n  key: ${files.key}\n`;
  writeFileSync(config, `${web}  hosts: [old.example]\nkeepFinished: 9\n`);
  const agent = await machine.startAgent('--config', config);
  await agent.run(countingGroup('count', 1));
  const pids = await until('it runs', () => pidsOf(agent, 'count'));
  for (const name of ['a', 'b', 'c']) {
    const config = { command: 'true' };
    const task = { name: 'once', driver: 'raw_exec', config };
    const handle = await agent.run({ name, type: 'batch', tasks: [task] });
    await handle.wait();
  }
  const ended = async () => (await agent.allocs({ all: true })).filter(({ isLive }) => !isLive);
  expect(await ended()).toHaveLength(3);
  const port = Number(new URL(lines().find(({ url }) => url)?.url ?? '').port);
  expect(await shownName(port)).toBe('first');
  const status = (host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const to = { host: '127.0.0.1', port, path: '/v1/health/live', rejectUnauthorized: false };
      get({ ...to, headers: { host }, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
  expect([await status('old.example'), await status('new.example')]).toEqual([200, 403]);

  makeCertificate('second');
  writeFileSync(
    config,
    `${web}  hosts: [new.example]\nkeepFinished: 1\nlogLevel: warn\ndenyHostEnv: [AWS_*]\n`,
  );
  process.kill(machine.agentPid, 'SIGHUP');
  const warned = await until('it says what has to wait', () =>
    lines().find(({ needRestart }) => needRestart !== undefined),
  );
  expect(warned.needRestart).toEqual(['denyHostEnv']);
  // What is below the new level is said no more.
  expect(lines().some(({ message }) => message === READ_ANEW)).toBe(false);
  expect(await shownName(port)).toBe('second');
  expect([await status('old.example'), await status('new.example')]).toEqual([403, 200]);
  await until('only the newest is kept', async () => (await ended()).length === 1);

  writeFileSync(config, `${web}  hosts: [new.example]\nkeepFinished: 1\nlogLevle: info\n`);
  const refused = await hangUp(KEPT);
  expect(refused.error).toContain(`${config}:7:1  logLevle is not a known key`);
  writeFileSync(files.key, 'no key at all');
  writeFileSync(config, `${web}logLevel: info\n`);
  expect((await hangUp(KEPT)).error).toContain('not a certificate and its key');
  expect(await shownName(port)).toBe('second');
  expect(await status('new.example')).toBe(200);
  expect(await pidsOf(agent, 'count')).toEqual(pids);
});

it('SIGHUP gives other machines the new certificate, and who is connected stays', async () => {
  const { cert, key } = makeCertificate('first');
  const args = ['--grpc', '127.0.0.1:0', '--grpc-ca', cert, '--grpc-cert', cert, '--grpc-key', key];
  await machine.startAgent(...args);
  const line = lines().find(({ message }) => message === 'serving other machines');
  const address = (line as unknown as { address: string }).address;
  const port = Number(address.split(':')[1]);
  const client = () => ({
    cert: readFileSync(cert),
    key: readFileSync(key),
    ALPNProtocols: ['h2'],
  });
  expect(await shownName(port, client())).toBe('first');
  const held = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...client() });
  const ended: string[] = [];
  held.on('end', () => ended.push('end')).on('error', () => ended.push('error'));
  await new Promise((resolve) => held.once('secureConnect', resolve));
  makeCertificate('second');
  expect((await hangUp(READ_ANEW)).changed).toEqual(['grpc.ca', 'grpc.cert', 'grpc.key']);
  expect(await shownName(port, client())).toBe('second');
  expect(ended).toEqual([]);
  held.destroy();
});

it('without a file SIGHUP ends nothing, and the socket is for the group that was named', async () => {
  const agent = await machine.startAgent('--socket-group', String(process.getgid?.() ?? 0));
  expect((await hangUp(READ_ANEW)).changed).toEqual([]);
  expect((await agent.agent()).pid).toBe(machine.agentPid);
  const socket = statSync(join(machine.dataDir, 'agent.sock'));
  expect([socket.mode & 0o777, socket.gid]).toEqual([0o660, process.getgid?.()]);
});

it('--check-config says whether an agent would begin, and begins none', () => {
  writeFileSync(config, 'drivers: { java: { enabled: false } }\n');
  const good = machine.holdfast('agent', '--config', config, '--check-config');
  expect(good.stderr).toContain('the configuration can be used');
  expect(good.stderr).toContain('drivers docker, exec');
  expect(good.status).toBe(0);
  writeFileSync(config, 'drviers: {}\nmaxDisk: many\n');
  const bad = machine.holdfast('agent', '--config', config, '--check-config');
  expect(bad.status).toBe(6);
  expect(bad.stderr).toBe(
    `${config}:1:1  drviers is not a known key. Did you mean drivers?\n` +
      `${config}:2:10  maxDisk must be a number, not "many"\n2 problems\n`,
  );
});
