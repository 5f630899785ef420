/** What can be typed. Each command's file is loaded when it is called: start-up is felt on every one of them. */
import { Command, Option } from 'commander';
import { PACKAGE_VERSION } from '../version.ts';
import { addAgentCommand } from './agent-syntax.ts';
import { addEnvCommand } from './env-syntax.ts';
import { addExecCommand } from './exec-syntax.ts';
import { addGcCommand } from './gc-syntax.ts';
import { addHealthCommands } from './health-syntax.ts';
import { addImportCommand } from './import-syntax.ts';
import { addLogsCommand } from './logs-syntax.ts';
import { addPastCommands } from './past-syntax.ts';
import { addPlanCommand } from './plan-syntax.ts';
import { DATA_DIR, REF, subcommand, wholeNumber } from './subcommand.ts';
import { addTokenCommand } from './token-syntax.ts';

const EXAMPLES = `Examples:
  holdfast run web.yaml           start a task group, and an agent if need be
  holdfast plan web.yaml          what running it again would change
  holdfast ps                     what runs
  holdfast logs web/api -f        its output as it comes
  holdfast exec web/api -- sh     a shell beside it
  holdfast events -f              everything that happens
  holdfast why web/api            why it is as it is
  holdfast stop web               end it
`;

const ENDING = `
Data directory: --data-dir, else HOLDFAST_DATA_DIR, else /var/lib/holdfast for
root and $XDG_STATE_HOME/holdfast or ~/.local/state/holdfast for everybody else.
Another machine's agent: HOLDFAST_AGENT=host:port, and HOLDFAST_TLS_CA, _CERT
and _KEY.

Exit status:
  0  done                                5  no agent answers
  1  failed                              6  the group is refused
  2  wrong usage                         7  it took too long
  3  not found, or more than one fits    8  permission or data directory refused
  4  not possible as things are        130  interrupted
`;

export function program(): Command {
  const root = new Command('holdfast')
    .description('Runs tasks on one machine and never loses track of them.')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', ENDING)
    .option(...DATA_DIR)
    .version(PACKAGE_VERSION, '-V, --version', 'print the version')
    .helpCommand(false)
    .enablePositionalOptions();
  addAgentCommand(root);
  addRunCommand(root);
  addPlanCommand(root);
  addViewCommands(root);
  addUsageCommands(root);
  addTaskCommands(root);
  addExecCommand(root);
  addEnvCommand(root);
  addHealthCommands(root);
  addPastCommands(root);
  addImportCommand(root);
  addNodeCommand(root);
  addGcCommand(root);
  addTokenCommand(root);
  addCareCommands(root);
  root
    .command('version')
    .description('print the version')
    .action(async () => (await import('./version.ts')).version());
  return root;
}

function addRunCommand(root: Command): void {
  subcommand(
    root,
    'run',
    'start a task group, or update the one of that name; prints its alloc id',
    [
      'holdfast run web.yaml',
      'holdfast run job.json --wait       exit status 0 complete, 1 failed',
      'generate | holdfast run -',
    ],
  )
    .argument('<file>', 'YAML or JSON; - is standard input')
    .option('--wait', 'wait for the end')
    .option('--payload <file>', 'what its tasks are to find, as their dispatchPayload says')
    .option(
      '--if-version <n>',
      'only if it is at this version; 0: only if there is none',
      wholeNumber,
    )
    .option('--no-agent', 'refuse instead of starting an agent in the background')
    .action(async (file: string, _options, command: Command) =>
      (await import('./run.ts')).run(file, command.optsWithGlobals()),
    );
}

function addViewCommands(root: Command): void {
  subcommand(root, 'ps', 'list the tasks of live allocs', ['holdfast ps -a --json'])
    .option('-a, --all', 'finished allocs too')
    .option('--json', 'an array with one element a task')
    .action(async (_options, command: Command) =>
      (await import('./ps.ts')).ps(command.optsWithGlobals()),
    );
  addLogsCommand(root);
  subcommand(root, 'events', 'print what happened', [
    'holdfast events --types CommandReceived,CommandRefused     who asked for what',
    'holdfast events -f --after 41     all behind position 41, then what comes',
  ])
    .argument('[ref]', REF)
    .option('-f, --follow', 'go on with what comes; without it the newest event is the end')
    .option('--after <position>', 'only later ones: N, or STORE:N as an event names it')
    .option('--types <words>', 'only these, such as TaskStarted,TaskExited')
    .option('--jsonl', 'one JSON object a line')
    .action(async (ref: string | undefined, _options, command: Command) =>
      (await import('./events.ts')).events(ref, command.optsWithGlobals()),
    );
  subcommand(root, 'inspect', 'show an alloc as it is, or as it was', [
    'holdfast inspect web --at 41',
  ])
    .argument('<ref>', REF)
    .option('--at <position>', 'as it was at this position of the log')
    .option('--json', 'the whole view')
    .action(async (ref: string, _options, command: Command) =>
      (await import('./inspect.ts')).inspect(ref, command.optsWithGlobals()),
    );
}

function addUsageCommands(root: Command): void {
  const interval = ['--interval <duration>', 'between two samples', '1s'] as const;
  subcommand(root, 'stats', 'show what tasks use', [
    'holdfast stats',
    'holdfast stats web --no-stream',
    'holdfast stats --json --interval 10s >> usage.jsonl',
  ])
    .argument('[ref...]', REF)
    .option('--no-stream', 'once, after one interval')
    .option('--json', 'one JSON object a line for every sample')
    .option(...interval)
    .action(async (refs: string[], _options, command: Command) =>
      (await import('./stats.ts')).stats(refs, command.optsWithGlobals()),
    );
  subcommand(root, 'top', 'watch what all tasks use, on the whole screen', [
    'holdfast top        c, m, n: sort by processor, memory, name; q: quit',
  ])
    .option(...interval)
    .action(async (_options, command: Command) =>
      (await import('./top.ts')).top(command.optsWithGlobals()),
    );
}

function addNodeCommand(root: Command): void {
  subcommand(root, 'node', 'show what this machine and its agent are and can do', [
    'holdfast node --json',
  ])
    .option('--json', 'all of it as one object')
    .action(async (_options, command: Command) =>
      (await import('./node.ts')).node(command.optsWithGlobals()),
    );
}

function addTaskCommands(root: Command): void {
  subcommand(root, 'stop', 'end an alloc or a task, and wait until it has ended', [
    'holdfast stop web',
    'holdfast stop web --no-shutdown-delay     also of a stop that waits for one',
  ])
    .argument('<ref>', REF)
    .option(
      '--no-shutdown-delay',
      'send the kill signals at once; once poststop tasks run, end them too',
    )
    .action(async (ref: string, _options, command: Command) =>
      (await import('./stop.ts')).stop(ref, command.optsWithGlobals()),
    );
  subcommand(root, 'restart', 'end a task and start it again', [
    'holdfast restart web/api',
    'holdfast restart web             every task of it that runs',
    'holdfast restart web --all       begin anew, with the tasks that are over',
  ])
    .argument('<ref>', REF)
    .addOption(new Option('--all', 'begin the whole alloc anew').conflicts('running'))
    .option('--running', 'every task that runs (the default)')
    .action(async (ref: string, _options, command: Command) =>
      (await import('./restart.ts')).restart(ref, command.optsWithGlobals()),
    );
  subcommand(root, 'resume', 'let a task that is held for inspection go on', [
    'holdfast resume web/api',
    'holdfast resume web                       every task of it that is held',
  ])
    .argument('<ref>', REF)
    .action(async (ref: string, _options, command: Command) =>
      (await import('./resume.ts')).resume(ref, command.optsWithGlobals()),
    );
  subcommand(root, 'signal', 'send a signal to a task', ['holdfast signal HUP web/api'])
    .argument('<signal>', 'SIGHUP, HUP or 1')
    .argument('<ref>', REF)
    .action(async (name: string, ref: string, _options, command: Command) =>
      (await import('./signal.ts')).signal(name, ref, command.optsWithGlobals()),
    );
}

/** What needs no agent and disturbs none. */
function addCareCommands(root: Command): void {
  subcommand(root, 'doctor', 'look at machine, data directory and runs, and say what to do', [
    'holdfast doctor              exit status 0 when nothing fails',
    'holdfast doctor --json',
  ])
    .option('--json', 'an array with one element a finding')
    .action(async (_options, command: Command) =>
      (await import('./doctor.ts')).doctor(command.optsWithGlobals()),
    );
  const store = subcommand(root, 'store', 'look into the log of a data directory', [
    'holdfast store info',
    'holdfast store verify        exit status 1, and a line for every fault',
    'holdfast store export --ref web > web.jsonl',
  ]).helpCommand(false);
  storeCommand(store, 'info', 'what the store is and what is in it', ['holdfast store info --json'])
    .option('--json', 'all of it as one object')
    .action(async (_options, command: Command) =>
      (await import('./store-facts.ts')).storeFacts(command.optsWithGlobals()),
    );
  storeCommand(store, 'verify', 'check every event, and what the events add up to', [
    'holdfast store verify && echo sound',
  ])
    .option('--json', 'all faults as one object')
    .action(async (_options, command: Command) =>
      (await import('./store-verify.ts')).storeVerify(command.optsWithGlobals()),
    );
  storeCommand(store, 'export', 'print the events as `events --jsonl` does, without an agent', [
    'holdfast store export --after 41',
    'holdfast store export --file log.db.damaged-20261122T023106413Z',
  ])
    .option('--after <position>', 'only later ones')
    .option('--ref <ref>', REF)
    .action(async (_options, command: Command) =>
      (await import('./store-export.ts')).storeExport(command.optsWithGlobals()),
    );
}

function storeCommand(
  store: Command,
  name: string,
  description: string,
  examples: readonly string[],
): Command {
  return subcommand(store, name, description, examples).option(
    '--file <file>',
    'a store file itself, such as one that was moved aside',
  );
}
