import { basename, dirname, extname, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { HoldfastError, messageOf } from '../errors.ts';
import { ImportFault, type Imported } from '../import/imported.ts';
import { readJsLiteral } from '../import/js-literal.ts';
import { importNomad } from '../import/nomad.ts';
import { importPm2 } from '../import/pm2.ts';
import { importProcfile } from '../import/procfile.ts';
import { validateGroup } from '../spec/validate-spec.ts';
import { printable, say, write } from './output.ts';
import { readText } from './read-spec-file.ts';

export interface ImportOptions {
  readonly group?: string;
  readonly name?: string;
  readonly env?: string;
}

type Kind = 'nomad' | 'procfile' | 'pm2';

/** `holdfast import KIND FILE`: the group on stdout, a line for everything that is not in it on stderr. */
export async function importFile(kind: Kind, path: string, options: ImportOptions): Promise<void> {
  const file = path === '-' ? 'stdin' : path;
  const text = await readText(path, file);
  const { group, notes } = imported(kind, file, text, options);
  for (const note of notes) say(`${file}: ${printable(note)}`);
  // What is printed can be run: a file that asks for what cannot be is refused here and not there.
  const source = { file: `${file}, imported`, locate: () => undefined };
  validateGroup(group, { source });
  await write(stringify(group, { lineWidth: 0 }));
}

function imported(kind: Kind, file: string, text: string, options: ImportOptions): Imported {
  const workDir = file === 'stdin' ? process.cwd() : dirname(resolve(file));
  const name = options.name ?? basename(workDir);
  try {
    switch (kind) {
      case 'nomad':
        return importNomad(json(text), options.group);
      case 'procfile':
        return importProcfile(text, name, workDir);
      case 'pm2':
        return importPm2(ecosystem(file, text), { name, workDir, env: options.env });
    }
  } catch (error) {
    if (!(error instanceof ImportFault)) throw error;
    // A fault that begins with its line goes on behind the file's name.
    const gap = error.message.startsWith(':') ? '' : ': ';
    throw new HoldfastError('SPEC_INVALID', `${file}${gap}${error.message}`, { cause: error });
  }
}

function ecosystem(file: string, text: string): unknown {
  const ending = extname(file);
  if (ending === '.json') return json(text);
  if (ending === '.yaml' || ending === '.yml') return parse(text, { maxAliasCount: 100 });
  return text.trimStart().startsWith('{') ? json(text) : readJsLiteral(text);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const hint = /^\s*(job|variable)\s/m.test(text)
      ? ' (HCL? "nomad job run -output" gives JSON)'
      : '';
    throw new ImportFault(`is not JSON${hint}: ${messageOf(error)}`);
  }
}
