/**
 * A plugin of buf for the code that hosts load: ts-proto's output, with its codec taken from src/rpc/wire.ts. The
 * request of the compiler comes in and its answer goes out, both as bytes.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { CodeGeneratorResponseSchema } from '@bufbuild/protobuf/wkt';

const PACKAGE = '"@bufbuild/protobuf/wire"';
const BELOW_GENERATED = 'wire.ts';

const made = spawnSync('protoc-gen-ts_proto', { input: readFileSync(0), maxBuffer: 2 ** 26 });
if (made.status !== 0) {
  throw new Error(`ts-proto failed: ${made.error?.message ?? made.stderr.toString()}`);
}
const response = fromBinary(CodeGeneratorResponseSchema, made.stdout);
for (const file of response.file) {
  // From the folder of the file to the parent of the generated folder, where the codec lies.
  const up = '../'.repeat(file.name.split('/').length);
  file.content = file.content.replace(PACKAGE, `"${up}${BELOW_GENERATED}"`);
}
writeAll(toBinary(CodeGeneratorResponseSchema, response));

/** A pipe takes what it has room for. */
function writeAll(bytes: Uint8Array): void {
  for (let from = 0; from < bytes.length; from += writeSync(1, bytes, from));
}
