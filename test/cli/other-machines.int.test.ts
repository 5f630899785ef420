/** An agent that serves other machines: who has a certificate of its authority is heard, and nobody else. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectOrchestrator } from '../../src/client/connect-orchestrator.ts';
import { serveAgentTcp } from '../../src/server/agent-service.ts';
import { until } from '../acceptance/rig.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
const run = promisify(execFile);
let dir: string;

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** `NAME.pem` and `NAME.key` of a certificate that `authority` signed; of its own where that is left out. */
function issue(name: string, authority?: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', `/CN=${name}`, '-keyout', `${name}.key`];
  if (authority === undefined) {
    openssl('req', '-x509', ...key, ...subject, '-days', '2', '-out', `${name}.pem`);
    return;
  }
  openssl('req', ...key, ...subject, '-out', `${name}.csr`);
  writeFileSync(join(dir, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const signer = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
  const made = ['-days', '2', '-extfile', 'names', '-out', `${name}.pem`];
  openssl('x509', '-req', '-in', `${name}.csr`, ...signer, ...made);
}

const pem = (file: string): Buffer => readFileSync(join(dir, file));
const tlsOf = (name: string, authority = 'ca') => ({
  ca: pem(`${authority}.pem`),
  cert: pem(`${name}.pem`),
  key: pem(`${name}.key`),
});

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-tls-'));
  chmodSync(dir, 0o755);
  issue('ca');
  issue('agent', 'ca');
  issue('operator', 'ca');
  issue('stranger-ca');
  issue('stranger', 'stranger-ca');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('an agent that listens for other machines', () => {
  it('serves whoever has a certificate of its authority, and only them', async () => {
    const orchestrator = new FakeOrchestrator();
    const place = { host: '127.0.0.1', port: 0, tls: tlsOf('agent') };
    const { address, close } = await serveAgentTcp({ orchestrator }, place);
    try {
      await using agent = await connectOrchestrator({ address, tls: tlsOf('operator') });
      await agent.run({ name: 'web', tasks: [{ name: 'api', driver: 'raw_exec' }] });
      expect((await agent.allocs()).map(({ alloc }) => alloc)).toContain('web');
      expect(orchestrator.actors).toMatchObject([
        { via: 'grpc', name: 'CN=operator', address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
      ]);
      const stranger = { ...tlsOf('stranger'), ca: pem('ca.pem') };
      await expect(
        connectOrchestrator({ address, tls: stranger, deadlineMs: 2_000 }),
      ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      // The other way round: an agent that cannot prove who it is gets nothing to hear.
      const misled = { ...tlsOf('operator'), ca: pem('stranger-ca.pem') };
      await expect(
        connectOrchestrator({ address, tls: misled, deadlineMs: 2_000 }),
      ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    } finally {
      await close();
    }
  });

  it('refuses what is no certificate, a port that is taken, and an address without certificates', async () => {
    const orchestrator = new FakeOrchestrator();
    const tls = { ...tlsOf('agent'), cert: Buffer.from('nonsense') };
    await expect(
      serveAgentTcp({ orchestrator }, { host: '127.0.0.1', port: 0, tls }),
    ).rejects.toMatchObject({ code: 'USAGE' });
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => taken.once('listening', done));
    const { port } = taken.address() as { port: number };
    await expect(
      serveAgentTcp({ orchestrator }, { host: '127.0.0.1', port, tls: tlsOf('agent') }),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    taken.close();
    await expect(connectOrchestrator({ address: 'localhost:1' })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});

describe('the command', () => {
  it('reaches an agent of another machine by HOLDFAST_AGENT', async () => {
    const dataDir = join(dir, 'data');
    const files = ['--grpc-ca', 'ca.pem', '--grpc-cert', 'agent.pem', '--grpc-key', 'agent.key'];
    const args = ['agent', '--data-dir', dataDir, '--grpc', '127.0.0.1:0', ...files];
    const log = openSync(join(dir, 'agent.log'), 'w');
    const agent = spawn(bin, args, { cwd: dir, stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    const ended = once(agent, 'exit');
    try {
      const address = await until('the agent to listen', () => {
        const text = readFileSync(join(dir, 'agent.log'), 'utf8');
        return text.includes('"ready"') && (/"address":"([^"]+)"/.exec(text)?.[1] ?? false);
      });
      const env = {
        ...process.env,
        HOLDFAST_DATA_DIR: join(dir, 'nowhere'),
        HOLDFAST_AGENT: address,
        HOLDFAST_TLS_CA: join(dir, 'ca.pem'),
        HOLDFAST_TLS_CERT: join(dir, 'operator.pem'),
        HOLDFAST_TLS_KEY: join(dir, 'operator.key'),
      };
      const { stdout } = await run(bin, ['node', '--json'], { env });
      expect(JSON.parse(stdout)).toMatchObject({ pid: agent.pid });
      const local = { ...env, HOLDFAST_AGENT: `unix://${join(dataDir, 'agent.sock')}` };
      expect((await run(bin, ['ps', '--json'], { env: local })).stdout).toBe('[]\n');
      const without = { ...env, HOLDFAST_TLS_KEY: '' };
      await expect(run(bin, ['ps'], { env: without })).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringContaining('HOLDFAST_TLS_KEY is needed'),
      });
    } finally {
      agent.kill('SIGTERM');
      await ended;
    }
  });

  it('says what is missing when certificates and address do not come together', async () => {
    const refused = (args: string[]) =>
      run(bin, ['agent', '--data-dir', join(dir, 'other'), ...args], { cwd: dir }).then(
        () => 'it began',
        ({ stderr }: { stderr: string }) => stderr,
      );
    expect(await refused(['--grpc', '127.0.0.1:0'])).toContain('--grpc-ca is needed');
    expect(await refused(['--grpc', 'nonsense', '--grpc-ca', 'ca.pem'])).toContain('host:4681');
    expect(await refused(['--grpc-ca', 'ca.pem'])).toContain('certificates are for --grpc');
    const swapped = ['--grpc-ca', 'ca.pem', '--grpc-cert', 'agent.key', '--grpc-key', 'agent.pem'];
    expect(await refused(['--grpc', '127.0.0.1:0', ...swapped])).toContain('not a certificate');
  });
});
