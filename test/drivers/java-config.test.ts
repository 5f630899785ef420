import { describe, expect, it } from 'vitest';
import { readJavaConfig } from '../../src/drivers/java-config.ts';
import { parseVersion } from '../../src/drivers/java-runtime.ts';
import { HoldfastError } from '../../src/errors.ts';

const JAVA = '/usr/bin/java';

const argsOf = (config: Record<string, unknown>): readonly string[] => {
  const { command, args } = readJavaConfig(config, JAVA);
  return [command, ...args];
};

const issuesOf = (config: Record<string, unknown>): unknown => {
  try {
    readJavaConfig(config, JAVA);
    return undefined;
  } catch (error) {
    return HoldfastError.is(error, 'DRIVER_CONFIG_INVALID') ? error.details['issues'] : error;
  }
};

describe('the command of a java task', () => {
  it('has the options of the machine, the class path, the program and its arguments, in this order', () => {
    const jvmOptions = ['-Xmx64m', '-Da=b'];
    const args = ['serve', '-x'];
    expect(argsOf({ jarPath: 'local/app.jar', jvmOptions, args })).toEqual([
      JAVA,
      '-Xmx64m',
      '-Da=b',
      '-jar',
      'local/app.jar',
      'serve',
      '-x',
    ]);
    expect(argsOf({ class: 'shop.Main', class_path: 'a.jar:b', jvm_options: ['-ea'] })).toEqual([
      JAVA,
      '-ea',
      '-cp',
      'a.jar:b',
      'shop.Main',
    ]);
  });

  it('needs a jar or a class, and takes not both', () => {
    expect(issuesOf({ args: [] })).toEqual([
      { path: 'jarPath', message: 'or config.class is required by driver java' },
    ]);
    expect(issuesOf({ class: 'A', jarPath: 'a.jar' })).toEqual([
      {
        path: 'class',
        message: 'and config.jarPath are two programs: a jar names its class itself',
      },
    ]);
  });

  it('is refused with every mistake at once, and what was meant', () => {
    expect(issuesOf({ jarPath: 7, jvmOption: [], pidMode: 'own' })).toMatchObject([
      { path: 'jarPath', message: 'must be the path of a jar' },
      { path: 'jarPath', message: 'or config.class is required by driver java' },
      { path: 'pidMode', message: 'must be private or host' },
      { path: 'jvmOption', message: expect.stringContaining('Did you mean jvmOptions?') },
    ]);
  });
});

describe('what java says of itself', () => {
  it('is read past what it picked up', () => {
    const text = `Picked up _JAVA_OPTIONS: -Xmx1g
openjdk version "17.0.15" 2025-04-15
OpenJDK Runtime Environment (build 17.0.15+6-Debian-1deb12u1)
OpenJDK 64-Bit Server VM (build 17.0.15+6-Debian-1deb12u1, mixed mode, sharing)
`;
    expect(parseVersion(text)).toEqual({
      version: '17.0.15',
      runtime: 'OpenJDK Runtime Environment (build 17.0.15+6-Debian-1deb12u1)',
      vm: 'OpenJDK 64-Bit Server VM (build 17.0.15+6-Debian-1deb12u1, mixed mode, sharing)',
    });
  });

  it('is nothing when there is no version in it', () => {
    expect(() => parseVersion('Segmentation fault')).toThrow('does not say which version');
  });
});
