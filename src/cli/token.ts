/** `holdfast token`: the file of named tokens beside the store. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkDataDirectory } from '../data-dir.ts';
import { HoldfastError } from '../errors.ts';
import { SCOPES, type Scope } from '../http/scopes.ts';
import { createToken, namedTokens, revokeToken } from '../http/tokens.ts';
import { dataDirectory } from './data-dir.ts';
import { write } from './output.ts';
import { formatTable } from './table.ts';

export interface TokenOptions {
  readonly dataDir?: string;
}

/** Errors: USAGE, ALREADY_EXISTS, NOT_FOUND when no agent was ever on the data directory. */
export async function tokenCreate(
  options: TokenOptions & { readonly name: string; readonly scope: readonly string[] },
): Promise<void> {
  const { name, scope } = options;
  if (!/^[\w.@-]{1,64}$/.test(name)) {
    throw new HoldfastError('USAGE', 'a name is 1 to 64 letters, digits, and . _ @ -');
  }
  const unknown = scope.find((one) => !SCOPES.includes(one as Scope));
  if (unknown !== undefined) {
    throw new HoldfastError(
      'USAGE',
      `there is no scope ${unknown}: there are ${SCOPES.join(', ')}`,
    );
  }
  await write(`${createToken(stateDirectory(options), name, scope as Scope[])}\n`);
}

export async function tokenList(
  options: TokenOptions & { readonly json?: boolean },
): Promise<void> {
  const all = namedTokens(stateDirectory(options)).map(({ name, scopes, createdAt }) => {
    return { name, scopes, createdAt };
  });
  if (options.json === true) return write(`${JSON.stringify(all, null, 2)}\n`);
  const columns = [
    { title: 'NAME', cell: ({ name }: (typeof all)[number]) => name },
    { title: 'CREATED', cell: ({ createdAt }: (typeof all)[number]) => createdAt },
    { title: 'SCOPES', cell: ({ scopes }: (typeof all)[number]) => scopes.join(' ') },
  ];
  await write(formatTable(columns, all));
}

/** Errors: NOT_FOUND. */
export async function tokenRevoke(name: string, options: TokenOptions): Promise<void> {
  revokeToken(stateDirectory(options), name);
}

function stateDirectory({ dataDir }: TokenOptions): string {
  const directory = dataDirectory(dataDir);
  checkDataDirectory(directory);
  const state = join(directory, 'state');
  if (existsSync(state)) return state;
  throw new HoldfastError('NOT_FOUND', `no agent was ever on ${directory}`);
}
