import { write } from './output.ts';
import { packageVersion } from './package-version.ts';

export function version(): Promise<void> {
  return write(`holdfast ${packageVersion()} (Node ${process.versions.node})\n`);
}
