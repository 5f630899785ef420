import { write } from './output.ts';
import { PACKAGE_VERSION } from '../version.ts';

export function version(): Promise<void> {
  return write(`holdfast ${PACKAGE_VERSION} (Node ${process.versions.node})\n`);
}
