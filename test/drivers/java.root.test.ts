/** Programs of a real virtual machine, isolated: what they get, how they end, and whom they can reach. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { java } from '../../src/drivers/java.ts';
import { findJava } from '../../src/drivers/java-runtime.ts';
import { rawExec } from '../../src/drivers/raw-exec.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { ExecRig, sh } from './exec-rig.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const eventually = <T>(look: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(look, { timeout: 60_000, interval: 20 });

const SOURCE = `
import java.net.*; import java.util.*;
public class Main {
  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "exit": System.exit(Integer.parseInt(args[1])); break;
      case "facts":
        System.out.println(System.getenv("GREETING") + " " + System.getProperty("a")
          + " " + System.getProperty("user.dir") + " " + System.getProperty("user.name")
          + " " + ProcessHandle.current().pid());
        break;
      case "eat":
        List<byte[]> all = new ArrayList<>();
        while (true) { byte[] more = new byte[1 << 20]; Arrays.fill(more, (byte) 1); all.add(more); }
      case "serve":
        try (ServerSocket server = new ServerSocket(Integer.parseInt(args[1]))) {
          while (true) try (Socket one = server.accept()) {
            one.getOutputStream().write("hello from java\\n".getBytes());
          }
        }
      case "wait": System.out.println("up"); Thread.sleep(600_000);
    }
  }
}
`;

const hasJava = findJava(process.env['PATH'] ?? '') !== undefined;
const obstacle = noContainersBecause() ?? (hasJava ? undefined : 'there is no java');

describe.skipIf(obstacle)(`java (${obstacle ?? 'here'})`, () => {
  const place = mkdtempSync(join(tmpdir(), 'hf-java-'));
  const rig = new ExecRig([java(), rawExec()]);
  let orchestrator: Orchestrator;
  beforeAll(async () => {
    writeFileSync(join(place, 'Main.java'), SOURCE);
    mkdirSync(join(place, 'app'));
    sh(`cd ${place} && javac --release 17 -d app Main.java &&
      jar --create --file app/app.jar --main-class Main -C app Main.class && chmod -R a+rX .`);
    orchestrator = await rig.orchestrator();
  });
  afterAll(async () => {
    await rig.end();
    rmSync(place, { recursive: true, force: true });
  });

  const mounts = [
    { type: 'bind' as const, source: join(place, 'app'), destination: '/app', readOnly: true },
  ];
  type Task = GroupSpecInput['tasks'][number];
  const task = (args: readonly string[], more: Partial<Task> = {}): Task => ({
    name: 'main',
    driver: 'java',
    mounts,
    ...more,
    config: { jarPath: '/app/app.jar', args: [...args], ...more.config },
  });
  let groups = 0;
  const group = (tasks: readonly Task[], more: Partial<GroupSpecInput> = {}): GroupSpecInput => {
    groups += 1;
    const restart = { attempts: 0, mode: 'fail' as const };
    return { name: `j${groups}`, type: 'batch', restart, tasks: [...tasks], ...more };
  };
  const ran = async (args: readonly string[], more: Partial<Task> = {}) => {
    const alloc = await orchestrator.run(group([task(args, more)]));
    const [view] = (await alloc.wait()).tasks;
    return { view, stdout: await textOf(alloc.allocId, 'main') };
  };
  const textOf = async (allocId: string, name: string): Promise<string> => {
    const chunks: Uint8Array[] = [];
    const ref = `${allocId}/${name}`;
    for await (const { data } of orchestrator.logs(ref, { stream: 'stdout' })) chunks.push(data);
    return Buffer.concat(chunks).toString();
  };

  it('is healthy, and says which java it found', async () => {
    await eventually(async () => {
      const { drivers } = await orchestrator.agent();
      expect(drivers).toContainEqual({ driver: 'java', health: 'healthy', message: 'Healthy' });
    });
    const attributes = await (async () => {
      for await (const { type, data } of orchestrator.events({ until: 'head' })) {
        const facts = data as { driver?: string; attributes?: Record<string, string> };
        if (type === 'DriverFingerprinted' && facts.driver === 'java') return facts.attributes;
      }
      return {};
    })();
    expect(attributes).toEqual({
      'driver.java': '1',
      'driver.java.version': expect.stringMatching(/^\d+/),
      'driver.java.runtime': expect.stringContaining('Runtime Environment'),
      'driver.java.vm': expect.stringContaining('VM'),
    });
  });

  it('runs a jar or a class with its options, environment and directory, as nobody and as pid 1', async () => {
    const config = { jvmOptions: ['-Da=b'] };
    const env = { GREETING: 'hello' };
    const jar = await ran(['facts'], { config, env });
    expect(jar.stdout).toBe('hello b / nobody 1\n');
    expect(jar.view).toMatchObject({ state: 'complete', exitCode: 0 });
    const own = {
      ...config,
      jarPath: undefined,
      class: 'Main',
      classPath: '/app',
      workDir: 'local',
    };
    const byClass = await ran(['facts'], { config: own, env });
    expect(byClass.stdout).toBe('hello b /local nobody 1\n');
  });

  it('runs beside the files of the machine when nothing is to be isolated', async () => {
    const jarPath = join(place, 'app', 'app.jar');
    sh(`chmod a+rx ${place}`);
    const config = { executor: 'universal', jarPath };
    const { view, stdout } = await ran(['facts'], { config, mounts: undefined });
    expect(view).toMatchObject({ state: 'complete', exitCode: 0 });
    expect(stdout).toMatch(/^null null \/.*\/main nobody (?!1\n)\d+\n$/);
  });

  it('ends with its exit code, or by the signal that it is ended with', async () => {
    expect((await ran(['exit', '7'])).view).toMatchObject({ state: 'failed', exitCode: 7 });
    const alloc = await orchestrator.run(group([task(['wait'])]));
    await eventually(async () => expect(await textOf(alloc.allocId, 'main')).toBe('up\n'));
    const stopped = await orchestrator.stop(alloc.allocId);
    // The machine's hooks run, then it exits with 128 and the number: as a shell, it means the signal.

    expect(stopped.tasks).toMatchObject([{ state: 'stopped', exitCode: null, signal: 'SIGTERM' }]);
  });

  it('is told of its memory when the kernel ends it for that', async () => {
    const config = { jvmOptions: ['-Xmx400m'] };
    const { view } = await ran(['eat'], { config, resources: { memoryMb: 96 } });
    expect(view).toMatchObject({ state: 'failed', signal: 'SIGKILL', oomKilled: true });
  });

  it('is not started without its java, and says so', async () => {
    const nowhere = new ExecRig([java({ javaPath: '/nope/java' })]);
    const { drivers } = await (await nowhere.orchestrator()).agent();
    expect(drivers).toMatchObject([{ driver: 'java' }]);
    await eventually(async () => {
      const [known] = (await (await nowhere.orchestrator()).agent()).drivers;
      expect(known).toMatchObject({
        health: 'unhealthy',
        message: expect.stringContaining('/nope/java'),
      });
    });
    const refused = (await nowhere.orchestrator()).run(group([task(['wait'])]));
    await expect(refused).rejects.toMatchObject({ code: 'DRIVER_UNHEALTHY' });
    await nowhere.end();
  });

  it('shares the network of its group: a sibling reaches it, the machine does not', async () => {
    const asks =
      'for i in $(seq 200); do busybox nc 127.0.0.1 8099 </dev/null && exit; sleep 0.1; done';
    const config = { command: '/bin/sh', args: ['-c', asks] };
    const sibling: Task = { name: 'asks', driver: 'raw_exec', config };
    const serves = task(['serve', '8099'], { name: 'serves', leader: false });
    const wish = { network: { mode: 'none' as const } };
    const alloc = await orchestrator.run(group([serves, sibling], wish));
    await eventually(async () => {
      expect(await textOf(alloc.allocId, 'asks')).toBe('hello from java\n');
    });
    expect(sh('busybox nc -w 1 127.0.0.1 8099 </dev/null 2>&1 || true')).not.toContain('hello');
    const view = await orchestrator.inspect(alloc.allocId);
    expect(view.tasks).toMatchObject([{ task: 'serves', state: 'running' }, { task: 'asks' }]);
    await orchestrator.stop(alloc.allocId);
  });
});
