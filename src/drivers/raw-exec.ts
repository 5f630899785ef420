/** `raw_exec`: a process on the host, with no isolation. Opt-in, as in Nomad. */
import { isAbsolute, join } from 'node:path';
import { HoldfastError } from '../errors.ts';
import type { Driver } from './driver.ts';
import { findCommand } from './find-command.ts';
import { processDriver } from './process-driver.ts';

interface RawExecConfig {
  readonly command: string;
  readonly args: readonly string[];
  /** Relative to the task's directory, which is the default. */
  readonly workDir: string | undefined;
}

export function rawExec(): Driver {
  return processDriver({
    name: 'raw_exec',
    fingerprint: () =>
      Promise.resolve({
        health: 'healthy',
        message: 'Healthy',
        attributes: { 'driver.raw_exec': '1' },
      }),
    checkConfig(config) {
      readConfig(config);
    },
    async program({ task, dirs, env }) {
      const { command, args, workDir } = readConfig(task.config);
      const path = findCommand({ command, taskDir: dirs.task, path: env['PATH'] ?? '' });
      return {
        command: path,
        args,
        cwd: workDir === undefined ? dirs.task : within(dirs.task, workDir),
      };
    },
  });
}

function within(dir: string, path: string): string {
  return isAbsolute(path) ? path : join(dir, path);
}

const KEYS = ['command', 'args', 'workDir', 'work_dir'];

function readConfig(config: Readonly<Record<string, unknown>>): RawExecConfig {
  const issues: { path: string; message: string }[] = [];
  const wrong = (path: string, message: string): void => void issues.push({ path, message });
  for (const key of Object.keys(config)) {
    if (!KEYS.includes(key))
      wrong(key, `is not a setting of raw_exec (${KEYS.slice(0, 3).join(', ')})`);
  }
  const { command, args = [] } = config;
  if (command === undefined) wrong('command', 'is required by driver raw_exec');
  else if (!isPlainText(command) || command === '')
    wrong('command', 'must be a program name or path');
  if (!Array.isArray(args) || !args.every((arg) => isPlainText(arg))) {
    wrong('args', 'must be a list of strings');
  }
  const workDir = config['workDir'] ?? config['work_dir'];
  if (workDir !== undefined && !isPlainText(workDir)) wrong('workDir', 'must be a path');
  if (issues.length > 0) {
    const text = issues.map(({ path, message }) => `config.${path} ${message}`).join('; ');
    throw new HoldfastError('DRIVER_CONFIG_INVALID', text, { details: { issues } });
  }
  return {
    command: command as string,
    args: args as string[],
    workDir: workDir as string | undefined,
  };
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}
