/** What a service manager hears: a socket of datagrams as systemd's is, and a real agent. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { serviceNotice } from '../../src/rpc/service-notice.ts';
import { until } from '../acceptance/rig.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind('\\0' + name[1:] if name.startswith('@') else name)
print('listening', flush=True)
while True:
    print(repr(s.recv(4096).decode()), flush=True)
`;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-notify-'));
  chmodSync(dir, 0o755);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Gives what came so far, a line for each datagram. */
async function manager(name: string): Promise<() => readonly string[]> {
  const python = spawn('python3', ['-c', LISTENER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  python.stdout.on('data', (chunk) => (text += String(chunk)));
  onTestFinished(() => void python.kill('SIGKILL'));
  await until('the manager to listen', () => text.includes('listening'));
  return () => text.split('\n').slice(1, -1);
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe('a service manager', () => {
  it('hears by a socket that is a file, and by one that is none', async () => {
    for (const name of [join(dir, 'sock'), `@holdfast-test-${process.pid}`]) {
      const heard = await manager(name);
      const env = { NOTIFY_SOCKET: name, WATCHDOG_USEC: '20000', WATCHDOG_PID: `${process.pid}` };
      const told = await serviceNotice(silent, env);
      expect(env).toEqual({});
      told.ready('2 known\ntasks');
      told.status('waits');
      told.stopping();
      const wanted = [
        `'READY=1\\nMAINPID=${process.pid}\\nSTATUS=2 known tasks'`,
        "'STATUS=waits'",
        "'STOPPING=1\\nSTATUS=ending; the tasks go on'",
      ];
      await expect.poll(() => heard().filter((line) => !line.includes('WATCHDOG'))).toEqual(wanted);
      await expect
        .poll(() => heard().filter((line) => line === "'WATCHDOG=1'").length)
        .toBeGreaterThan(3);
    }
  });

  it('that is not there is told of once, and one of another process gets no watchdog', async () => {
    const warnings: unknown[] = [];
    const logger = { ...silent, warn: (facts: unknown) => void warnings.push(facts) };
    const gone = await serviceNotice(logger, { NOTIFY_SOCKET: join(dir, 'nobody') });
    gone.ready('ready');
    gone.stopping();
    expect(warnings).toHaveLength(1);
    const heard = await manager(join(dir, 'sock'));
    const env = { NOTIFY_SOCKET: join(dir, 'sock'), WATCHDOG_USEC: '2000', WATCHDOG_PID: '1' };
    (await serviceNotice(logger, env)).status('last');
    await expect.poll(heard).toEqual(["'STATUS=last'"]);
  });

  it('hears of an agent when it is ready and when it ends', async () => {
    const heard = await manager(join(dir, 'sock'));
    const args = ['agent', '--data-dir', join(dir, 'data')];
    const env = { ...process.env, NOTIFY_SOCKET: join(dir, 'sock') };
    const agent = spawn(bin, args, { env, stdio: 'ignore' });
    const ended = once(agent, 'exit');
    await until('the agent to be ready', () => heard().some((line) => line.includes('READY=1')));
    expect(heard()[0]).toContain(`MAINPID=${agent.pid}`);
    expect(heard()[0]).toContain('0 known tasks');
    agent.kill('SIGHUP');
    await until('it to be ready again', () => heard().at(-1)?.includes('READY=1') && heard()[1]);
    expect(heard()[1]).toMatch(/^'RELOADING=1\\nMONOTONIC_USEC=\d{6,}\\nSTATUS=/);
    expect(heard()).toHaveLength(3);
    agent.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(heard().at(-1)).toContain('STOPPING=1');
  });
});

describe('the unit that is shipped', () => {
  it('leaves tasks alone when the agent ends, whatever else it says', () => {
    const unit = readFileSync(resolve('examples/systemd/holdfast.service'), 'utf8');
    const settings = new Map(unit.split('\n').map((line) => line.split('=') as [string, string]));
    expect(settings.get('KillMode')).toBe('process');
    expect(settings.get('Type')).toBe('notify');
    expect(settings.get('Delegate')).toBe('yes');
    expect(settings.get('ExecReload')).toBe('/bin/kill -HUP $MAINPID');
  });
});
