/** What readers are shown works: every example of the guide, against an agent. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rootTokenPath } from '../../src/http/tokens.ts';
import { Machine } from '../acceptance/rig.ts';

const guide = readFileSync(new URL('../../docs/guide/http.md', import.meta.url), 'utf8');
const commands = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)]
  .flatMap(([, block = '']) => block.replaceAll('\\\n', ' ').split('\n'))
  .filter((line) => line !== '');
/** What it shows of the end comes last, so that all of it finds the alloc at work. */
const inOrder = [
  ...commands.filter((line) => !line.includes('/stop')),
  ...commands.filter((line) => line.includes('/stop')),
];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

it('each example of the guide answers, and with no error', async () => {
  const machine = new Machine();
  const port = await freePort();
  const agent = await machine.startAgent('--http', `127.0.0.1:${port}`);
  const url = `http://127.0.0.1:${port}`;
  try {
    const isReady = (): Promise<boolean> =>
      fetch(`${url}/v1/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(isReady, { timeout: 10_000 }).toBe(true);
    const token = readFileSync(rootTokenPath(join(machine.dataDir, 'state')), 'utf8').trim();
    const env = { ...process.env, TOKEN: token, URL: url };
    const answers: string[] = [];
    for (const line of inOrder) {
      answers.push(
        await new Promise<string>((resolve, reject) => {
          execFile('sh', ['-c', line], { env }, (error, stdout) => {
            if (error === null) resolve(stdout);
            else reject(new Error(`${line}: ${error.message}`));
          });
        }),
      );
      // The examples that look at it want it to run.
      if (line.includes('sleep'))
        await expect
          .poll(async () => (await agent.inspect('web')).tasks[0]?.state, { timeout: 10_000 })
          .toBe('running');
    }
    expect(answers.length).toBeGreaterThan(8);
    const wrong = inOrder.filter((_line, at) => answers[at]?.includes('"error":{"code"'));
    expect(wrong).toEqual([]);
    expect(answers.join('')).toContain('holdfast.alloc.received');
    expect(JSON.parse(answers.at(-1) ?? '')).toMatchObject({ alloc: 'web', state: 'stopped' });
  } finally {
    await machine.scrap();
  }
});
