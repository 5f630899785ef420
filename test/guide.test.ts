/** What is shown to readers is what there is: each piece of a group file, each command, each option, each file. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { AGENT_KEYS } from '../src/cli/agent-keys.ts';
import { program } from '../src/cli/commands.ts';
import { writtenDrivers } from '../src/drivers/driver-options.ts';
import { validateGroup } from '../src/spec/validate-spec.ts';
import type { Command } from 'commander';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const README = read('README.md');
const TEXTS = {
  'README.md': README,
  'docs/guide/task-groups.md': read('docs/guide/task-groups.md'),
};

const pieces = Object.entries(TEXTS).flatMap(([path, text]) =>
  [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(({ 1: piece = '', index }) => {
    return { piece, place: `${path}:${text.slice(0, index).split('\n').length}` };
  }),
);

/** Of a task without a name and driver of its own, or of a group without a name. */
function asGroup(piece: string): unknown {
  const written = parse(piece) as Record<string, unknown>;
  if ('tasks' in written) return { name: 'example', ...written };
  return { name: 'example', tasks: [{ name: 'a', driver: 'exec', ...written }] };
}

const isOfDrivers = ({ piece }: { piece: string }): boolean => piece.startsWith('drivers:');

it.each(pieces.filter(isOfDrivers))('$place is what an agent takes about drivers', ({ piece }) => {
  expect(writtenDrivers(parse(piece)).length).toBeGreaterThan(0);
});

it.each(pieces.filter((one) => !isOfDrivers(one)))(
  '$place is a group, or a part of one',
  ({ piece }) => {
    expect(validateGroup(asGroup(piece)).tasks.length).toBeGreaterThan(0);
  },
);

it('the group in the README is the example', () => {
  const example = read('examples/pages.yaml').split('\n').slice(1).join('\n');
  expect(README).toContain(`\`\`\`yaml\n${example}\`\`\``);
});

it('every file that ARCHITECTURE.md names with its folder is there', () => {
  const named = [...read('ARCHITECTURE.md').matchAll(/`([a-z][a-z/-]*\/[a-z/-]+\.ts)`/g)];
  const paths = named.map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(80);
  const places = (path: string): readonly string[] => [join(root, path), join(root, 'src', path)];
  expect(paths.filter((path) => !places(path).some((place) => existsSync(place)))).toEqual([]);
});

describe('the command', () => {
  const all = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(all)];
  const commands = all(program());

  it('is in the README with every subcommand', () => {
    const names = program().commands.map((command) => command.name());
    const table = README.slice(README.indexOf('## The command'));
    expect(names.filter((name) => !table.includes(`\`holdfast ${name}`))).toEqual([]);
  });

  it('is in the README with every option of the agent', () => {
    const agent = program().commands.find((command) => command.name() === 'agent');
    const options = agent?.options.filter(({ hidden }) => !hidden).map(({ long }) => long ?? '');
    expect(options?.length).toBeGreaterThan(15);
    expect(options?.filter((long) => !README.includes(long))).toEqual([]);
  });

  it('has each option of the agent in the guide, with its key and when it counts', () => {
    const agent = program().commands.find((command) => command.name() === 'agent');
    const guide = read('docs/guide/agent.md');
    const flags = new Map(agent?.options.map((one) => [one.attributeName(), one.long ?? '']));
    const rows = Object.entries(AGENT_KEYS).filter(([name]) => flags.has(name));
    expect(rows.length).toBeGreaterThan(30);
    const missing = rows.filter(([name, { key, isLive }]) => {
      const row = guide.split('\n').find((line) => line.startsWith(`| \`${key}\` |`)) ?? '';
      const when = isLive === true ? '| at once |' : '| restart |';
      return !row.includes(`\`${flags.get(name)}\``) || !row.endsWith(when);
    });
    expect(missing).toEqual([]);
  });

  it.each(commands.map((command) => [command.name(), command] as const))(
    'fits 80 columns with its help: %s',
    (_name, command) => {
      let help = '';
      command.configureOutput({
        writeOut: (text) => (help += text),
        getOutHelpWidth: () => 80,
      });
      command.outputHelp();
      expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
    },
  );
});
