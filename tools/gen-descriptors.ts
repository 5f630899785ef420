/** Writes what reflection tells of the agent's services: the files of proto/ as descriptors. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export const DESCRIPTORS = join(root, 'src/server/agent-api.binpb');

/** Throws what buf said. */
export function buildDescriptors(path: string): void {
  const files = ['--path', 'proto/holdfast/agent', '--path', 'proto/grpc'];
  const options = ['build', '--as-file-descriptor-set', '--exclude-source-info', ...files];
  const ended = spawnSync('buf', [...options, '-o', path], { cwd: root, encoding: 'utf8' });
  if (ended.status === 0) return;
  throw new Error(`buf build failed: ${ended.error?.message ?? ended.stderr}`);
}

if (import.meta.main) buildDescriptors(DESCRIPTORS);
