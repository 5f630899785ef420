/** java is a driver: the contract. As pid 1 a virtual machine would ignore SIGTERM until it has its handlers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { DEFAULT_CHROOT_ENV } from '../../src/drivers/isolated-mounts.ts';
import { findJava } from '../../src/drivers/java-runtime.ts';
import { java } from '../../src/drivers/java.ts';
import { machineCapabilities } from '../../src/os/machine-capabilities.ts';
import { openDriverRig } from '../../src/testing/index.ts';
import { describeDriver } from '../contract/driver.contract.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { sh } from './exec-rig.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const SOURCE = `
import sun.misc.*;
public class Run {
  public static void main(String[] args) throws Exception {
    if (args[0].equals("exit")) System.exit(Integer.parseInt(args[1]));
    if (args[0].equals("deaf")) Signal.handle(new Signal("TERM"), SignalHandler.SIG_IGN);
    Thread.sleep(600_000);
  }
}
`;

const hasJava = findJava(process.env['PATH'] ?? '') !== undefined;
const obstacle = noContainersBecause() ?? (hasJava ? undefined : 'there is no java');

describe.skipIf(obstacle)(`java (${obstacle ?? 'here'})`, () => {
  const place = mkdtempSync(join(tmpdir(), 'hf-java-'));
  beforeAll(async () => {
    await machineCapabilities();
    writeFileSync(join(place, 'Run.java'), SOURCE);
    sh(`cd ${place} && javac -nowarn -d classes Run.java && chmod -R a+rX .`);
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  const run = (...args: readonly string[]) => ({
    class: 'Run',
    pidMode: 'host',
    classPath: '/classes',
    jvmOptions: ['-Xmx16m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
    args,
  });
  describeDriver('java', () =>
    openDriverRig({
      driver: () =>
        java({ chrootEnv: { ...DEFAULT_CHROOT_ENV, [join(place, 'classes')]: '/classes' } }),
      lasting: run('wait'),
      ending: (exitCode) => run('exit', String(exitCode)),
      impossible: { ...run('wait'), networkNamespace: '/no/such/namespace' },
      deaf: run('deaf'),
    }),
  );
});
