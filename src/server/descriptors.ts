/** The descriptors of what an agent serves, by file and by name. Loaded when somebody first asks for them. */
import { readFileSync } from 'node:fs';
import { createFileRegistry, type DescFile, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** Each a google.protobuf.FileDescriptorProto. */
export type Descriptors = readonly Buffer[];

export interface DescriptorIndex {
  /** The file with all that it imports, itself first; undefined when there is none. */
  fileNamed(name: string): Descriptors | undefined;
  /** Likewise the file that declares a service, a method, a message, a field of it or an enum. */
  fileDeclaring(symbol: string): Descriptors | undefined;
}

export function readDescriptors(): DescriptorIndex {
  const bytes = readFileSync(new URL('agent-api.binpb', import.meta.url));
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  const named = (symbol: string) => registry.get(symbol)?.file;
  return {
    fileNamed(name) {
      const file = registry.getFile(name);
      return file && withImports(file);
    },
    fileDeclaring(symbol) {
      // A method or a field is declared where its service or message is.
      const file = named(symbol) ?? memberOwner(symbol, named);
      return file && withImports(file);
    },
  };
}

function memberOwner(
  symbol: string,
  named: (symbol: string) => DescFile | undefined,
): DescFile | undefined {
  const owner = named(symbol.slice(0, Math.max(0, symbol.lastIndexOf('.'))));
  const members = [
    ...(owner?.services ?? []).flatMap(({ typeName, methods }) =>
      methods.map(({ name }) => `${typeName}.${name}`),
    ),
    ...(owner?.messages ?? []).flatMap(({ typeName, fields }) =>
      fields.map(({ name }) => `${typeName}.${name}`),
    ),
  ];
  return members.includes(symbol) ? owner : undefined;
}

function withImports(file: DescFile): Descriptors {
  const files = new Set<DescFile>();
  const add = (next: DescFile): void => {
    if (files.has(next)) return;
    files.add(next);
    next.dependencies.forEach(add);
  };
  add(file);
  return [...files].map(({ proto }) => Buffer.from(toBinary(FileDescriptorProtoSchema, proto)));
}
