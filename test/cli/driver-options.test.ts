/** What an operator may write about drivers, and which of them an agent has then. */
import { describe, expect, it } from 'vitest';
import { chosen } from '../../src/cli/driver-options.ts';
import { readDriverOptions, writtenDrivers } from '../../src/drivers/driver-options.ts';
import { HoldfastError } from '../../src/errors.ts';
import { taskSpec } from '../machines/stories.ts';

const namesOf = (written: unknown, wishes: Parameters<typeof chosen>[1] = {}): readonly string[] =>
  chosen(writtenDrivers(written), wishes).map(({ name }) => name);

const refusal = (written: unknown): string => {
  try {
    writtenDrivers(written);
    return 'not refused';
  } catch (error) {
    if (!HoldfastError.is(error, 'USAGE')) throw error;
    return error.message;
  }
};

describe('the drivers of an agent', () => {
  it('are all but raw_exec, when nothing is written', () => {
    expect(namesOf({})).toEqual(['docker', 'exec', 'java']);
    expect(namesOf({}, { driver: ['raw_exec'] })).toContain('raw_exec');
    expect(namesOf({}, { onlyDriver: ['raw_exec', 'java'] })).toEqual(['java', 'raw_exec']);
  });

  it('are those that the file has on, and those that the command names all the same', () => {
    const drivers = { docker: { enabled: false }, raw_exec: { enabled: true }, java: {} };
    expect(namesOf({ drivers })).toEqual(['exec', 'java', 'raw_exec']);
    expect(namesOf({ drivers }, { driver: ['docker'] })).toContain('docker');
  });

  it('in their own processes are handed what is written of them, unless they are off', () => {
    const plugins = [
      { name: 'ftl', path: '/a' },
      { name: 'qemu', path: '/b' },
    ] as const;
    const read = (drivers: object) => readDriverOptions({ drivers }, plugins).plugins;
    expect(read({ ftl: { enabled: true, speed: 3 }, qemu: { enabled: false } })).toEqual([
      { name: 'ftl', path: '/a', options: { speed: 3 } },
    ]);
    expect(read({})).toEqual(plugins.map((one) => ({ ...one, options: {} })));
    expect(() => read({ qemus: {} })).toThrow('qemus is not a driver. Did you mean qemu?');
  });

  it.each([
    [[], 'the options must be a map'],
    [{ driver: {} }, 'driver is not an option. Did you mean drivers?'],
    [{ drivers: { dokcer: {} } }, 'dokcer is not a driver. Did you mean docker?'],
    [{ drivers: { java: 'on' } }, 'drivers.java must be a map'],
    [{ drivers: { exec: { enabled: 'yes' } } }, 'drivers.exec.enabled must be true or false'],
    [
      { drivers: { docker: { endpiont: 'unix:///x' } } },
      'options of driver docker: config.endpiont is not a setting of docker. Did you mean endpoint?',
    ],
    [
      { drivers: { java: { javaPath: 'java', default_pid_mode: 'own' } } },
      'options of driver java: config.javaPath must be an absolute path; ' +
        'config.defaultPidMode must be private or host',
    ],
    [
      { drivers: { exec: { chrootEnv: { '/opt': 'opt' } } } },
      'options of driver exec: config.chrootEnv./opt must be an absolute path',
    ],
    [{ drivers: { raw_exec: { deniedHostUids: '5-1' } } }, 'lower bound cannot be greater'],
  ])('%j is refused, and what is wrong is said', (written, text) => {
    expect(refusal(written)).toContain(text);
  });

  it('do what is written of them', async () => {
    const exec = { allow_caps: ['chown'], defaultPidMode: 'host', chrootEnv: { '/usr': '/usr' } };
    const raw_exec = { deniedEnv: ['AWS_*'], deniedHostGids: '0' };
    const drivers = new Map(
      writtenDrivers({ drivers: { exec, raw_exec } }).map(({ driver }) => [driver.name, driver]),
    );
    const config = { command: 'true', capAdd: ['net_raw'] };
    const check = async (): Promise<void> => drivers.get('exec')?.checkConfig(config);
    await expect(check()).rejects.toThrow('net_raw');
    const task = taskSpec({ driver: 'raw_exec', config: { command: 'true' } });
    expect(await drivers.get('raw_exec')?.ownEnv?.(task)).toEqual({ deniedEnv: ['AWS_*'] });
  });
});
