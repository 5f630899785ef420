/** Writes schema/*.v1.json from the zod schemas. With --check it only compares, and exits 1 when they differ. */
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { agentSchema } from '../src/config/agent-schema.ts';
import { groupSchema } from '../src/spec/group-schema.ts';

/** Draft-07, because the YAML language server knows no later one; of the input, because people write the input. */
function jsonSchema(title: string, schema: z.ZodType): string {
  const made = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
  return `${JSON.stringify({ title, ...made }, null, 2)}\n`;
}

export function groupJsonSchema(): string {
  return jsonSchema('Holdfast group, version 1', groupSchema);
}

export function agentJsonSchema(): string {
  return jsonSchema('Holdfast agent, version 1', agentSchema);
}

if (process.argv[1] === import.meta.filename) {
  const all = { 'group.v1.json': groupJsonSchema(), 'agent.v1.json': agentJsonSchema() };
  for (const [name, made] of Object.entries(all)) {
    const file = new URL(`../schema/${name}`, import.meta.url);
    if (!process.argv.includes('--check')) writeFileSync(file, made);
    else if (readFileSync(file, 'utf8') !== made) {
      process.stderr.write(`schema/${name} is stale: run npm run gen\n`);
      process.exitCode = 1;
    }
  }
}
