/** `npm run build`: dist/ from src/, made anew. What is published is checked by publint at the end. */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

function run(command: string, ...args: string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Files that the sources read beside themselves. */
function copyAssets(): void {
  const entries = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true });
  for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) {
    const from = join(parentPath, name);
    if (!name.endsWith('.ts')) cpSync(from, from.replace(join(root, 'src'), join(root, 'dist')));
  }
}

rmSync(join(root, 'dist'), { recursive: true, force: true });
run('tsc', '-p', 'tsconfig.build.json');
copyAssets();
run('publint', '--strict');
