import { Option, type Command } from 'commander';
import { SCOPES } from '../http/scopes.ts';
import { subcommand } from './subcommand.ts';

const many = (name: string, before: readonly string[] = []): string[] => [...before, name];

/** They need no agent: one that runs looks at the file with each call. */
export function addTokenCommand(root: Command): void {
  const token = subcommand(root, 'token', 'say who may call over HTTP', [
    'holdfast token create --name grafana --scope read',
    'holdfast token list',
    'holdfast token revoke grafana',
  ]);
  subcommand(token, 'create', 'make a token and print it: it is nowhere else', [
    'holdfast token create --name ci --scope read --scope write',
  ])
    .requiredOption('--name <name>', 'by which it is listed, revoked and audited')
    .addOption(
      new Option('--scope <scope>', 'what it allows (repeatable)')
        .argParser((scope: string, before: string[] | undefined) => many(scope, before))
        .makeOptionMandatory(),
    )
    .addHelpText('after', `\nScopes: ${SCOPES.join(', ')}\n`)
    .action(async (_options, command: Command) =>
      (await import('./token.ts')).tokenCreate(command.optsWithGlobals()),
    );
  subcommand(token, 'list', 'list the tokens that have a name', ['holdfast token list --json'])
    .option('--json', 'an array')
    .action(async (_options, command: Command) =>
      (await import('./token.ts')).tokenList(command.optsWithGlobals()),
    );
  subcommand(token, 'revoke', 'let a token count no more', ['holdfast token revoke ci'])
    .argument('<name>', 'of the token')
    .action(async (name: string, _options, command: Command) =>
      (await import('./token.ts')).tokenRevoke(name, command.optsWithGlobals()),
    );
}
