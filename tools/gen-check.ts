/** Are src/rpc/gen and the descriptors what buf makes of proto/ today? Exits 1 and names the files that are not. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDescriptors, DESCRIPTORS } from './gen-descriptors.ts';

const GENERATED = 'src/rpc/gen';
const root = join(import.meta.dirname, '..');
const fresh = mkdtempSync(join(tmpdir(), 'holdfast-gen-'));

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
}

function differs(path: string): boolean {
  const [made, kept] = [join(fresh, GENERATED, path), join(root, GENERATED, path)];
  if (!existsSync(made) || !existsSync(kept)) return true;
  return readFileSync(made, 'utf8') !== readFileSync(kept, 'utf8');
}

try {
  const ended = spawnSync('buf', ['generate', '-o', fresh], { cwd: root, encoding: 'utf8' });
  if (ended.status !== 0) {
    throw new Error(`buf generate failed: ${ended.error?.message ?? ended.stderr}`);
  }
  const paths = [join(fresh, GENERATED), join(root, GENERATED)].flatMap(filesBelow);
  const stale = [...new Set(paths)].filter(differs);
  for (const path of stale)
    process.stderr.write(`${GENERATED}/${path} is stale: run npm run gen\n`);
  const descriptors = join(fresh, 'descriptors.binpb');
  buildDescriptors(descriptors);
  if (!existsSync(DESCRIPTORS) || !readFileSync(descriptors).equals(readFileSync(DESCRIPTORS))) {
    process.stderr.write(`${DESCRIPTORS} is stale: run npm run gen\n`);
    process.exitCode = 1;
  }
  if (stale.length > 0) process.exitCode = 1;
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
