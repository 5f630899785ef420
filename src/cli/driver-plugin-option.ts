/** `--driver-plugin NAME=PATH`, as often as there are any. */
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { OrchestratorOptions } from '../orchestrator.ts';

type Plugins = NonNullable<OrchestratorOptions['driverPlugins']>;

/** The path is taken from the working directory. */
export function driverPlugins(text: string, before: Plugins = []): Plugins {
  const [, name, path] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || path === undefined) {
    throw new InvalidArgumentError('expected a name and the path of an entry file: NAME=PATH.');
  }
  return [...before, { name, path: resolve(path) }];
}
