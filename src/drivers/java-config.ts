/** The settings of a task of driver `java`, made into the arguments of one command. */
import { ConfigReading } from './config-reading.ts';
import { type ExecConfig, readIsolated } from './exec-config.ts';

/** `java` is the path of the program. Throws DRIVER_CONFIG_INVALID. */
export function readJavaConfig(
  config: Readonly<Record<string, unknown>>,
  java: string,
): ExecConfig {
  const reading = new ConfigReading('java', config);
  const mainClass = reading.text('class', 'the name of a class');
  const classPath = reading.text('classPath', 'a path, or several with ":" between them');
  const jarPath = reading.text('jarPath', 'the path of a jar');
  const jvmOptions = reading.texts('jvmOptions');
  const own = reading.texts('args');
  if (mainClass === undefined && jarPath === undefined) {
    reading.wrong('jarPath', 'or config.class is required by driver java');
  }
  if (mainClass !== undefined && jarPath !== undefined) {
    reading.wrong('class', 'and config.jarPath are two programs: a jar names its class itself');
  }
  const program = jarPath === undefined ? [mainClass ?? ''] : ['-jar', jarPath];
  // Nomad's order, which is the one that java understands.
  const path = classPath === undefined ? [] : ['-cp', classPath];
  return readIsolated(reading, {
    command: java,
    args: [...jvmOptions, ...path, ...program, ...own],
  });
}
