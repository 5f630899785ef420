/** Writes schema/group.v1.json from the zod schema. With --check it only compares, and exits 1 when they differ. */
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { groupSchema } from '../src/spec/group-schema.ts';

const file = new URL('../schema/group.v1.json', import.meta.url);

/** Draft-07, because the YAML language server knows no later one; of the input, because people write the input. */
export function groupJsonSchema(): string {
  const schema = z.toJSONSchema(groupSchema, { target: 'draft-7', io: 'input' });
  return `${JSON.stringify({ title: 'Holdfast group, version 1', ...schema }, null, 2)}\n`;
}

if (process.argv[1] === import.meta.filename) {
  const made = groupJsonSchema();
  if (!process.argv.includes('--check')) writeFileSync(file, made);
  else if (readFileSync(file, 'utf8') !== made) {
    process.stderr.write('schema/group.v1.json is stale: run npm run gen\n');
    process.exitCode = 1;
  }
}
