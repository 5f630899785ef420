import { Option, type Command } from 'commander';
import { LOG_LEVELS } from './agent-log.ts';
import { byteSize } from './byte-size.ts';
import { driverPlugins } from './driver-plugin-option.ts';
import { networkFact } from './network-option.ts';
import { httpPlace } from './http-option.ts';
import { nodeFact } from './node-option.ts';
import { durationOption } from './duration-option.ts';
import { subcommand, wholeNumber } from './subcommand.ts';

const RAW_EXEC = 'raw_exec isolates nothing and is off unless asked for: --driver raw_exec';

const many = (name: string, before: readonly string[] = []): string[] => [...before, name];

/** What is kept of allocs that have ended. */
const keeping = (command: Command): Command =>
  command
    .option('--keep-finished <n>', 'how many ended allocs are kept (10000)', wholeNumber)
    .option(
      '--keep-finished-for <duration>',
      'how long ended allocs are kept, such as 7d (as long as there is room)',
      durationOption,
    )
    .option(
      '--max-disk <percent>',
      'used beyond this, ended allocs go until it is less; 100 is never (80)',
      wholeNumber,
    )
    .option('--max-inodes <percent>', 'the same of the inodes of the disk (70)', wholeNumber);

export function addAgentCommand(root: Command): void {
  const command = subcommand(root, 'agent', 'be the agent, in the foreground', [
    'holdfast agent --driver raw_exec   with the driver that isolates nothing',
    'holdfast agent --config /etc/holdfast/agent.yaml',
    'holdfast agent --config agent.yaml --check-config',
  ])
    .option(
      '--driver <name>',
      `add a driver to those of the machine (repeatable); ${RAW_EXEC}`,
      many,
    )
    .option('--only-driver <name>', 'use only this driver (repeatable)', many)
    .option(
      '--driver-plugin <name=path>',
      'a driver in a process of its own, by its entry file (repeatable)',
      driverPlugins,
    )
    .option(
      '--driver-options <file>',
      'what drivers may do and where they find things: YAML or JSON',
    )
    .option('--sinks <file>', 'where to send events: webhooks, files, NATS; YAML or JSON')
    .option('--disk-floor <MiB>', 'start nothing while less is free on the disk (64)', wholeNumber)
    .option(
      '--log-budget <size>',
      'what the output of all tasks may take up, such as 2GiB; 0 is no limit (5GiB or a tenth of the disk)',
      byteSize,
    )
    .option(
      '--node <fact>',
      'what tasks are told of this machine, such as datacenter=dc1 or meta.rack=r7 (repeatable)',
      nodeFact,
    )
    .option(
      '--deny-host-env <name>',
      'a variable of the agent that no task gets; * is any characters (repeatable)',
      many,
    )
    .option('--no-cgroups', 'tell the processes of tasks apart by best effort, and limit nothing')
    .addOption(new Option('--background', 'report errors to the run that started it').hideHelp());
  served(keeping(allowances(configured(command)))).action(async (_options, command: Command) =>
    (await import('./agent.ts')).agent(command.optsWithGlobals()),
  );
}

const configured = (command: Command): Command =>
  command
    .option('--config <file>', 'YAML or JSON that says all this; options go before it')
    .option('--check-config', 'say whether an agent would begin so, and begin none')
    .addOption(
      new Option('--log-level <level>', 'the least that is logged (info)').choices(LOG_LEVELS),
    );

/** Who is served beside the agent's own user. */
const served = (command: Command): Command =>
  command
    .option('--http <host:port>', 'serve HTTP too, such as 127.0.0.1:4680', httpPlace)
    .option('--http-cert <file>', 'for HTTPS: its certificate, PEM; other addresses need one')
    .option('--http-key <file>', 'for HTTPS: its key, PEM')
    .option('--http-host <name>', 'by which name HTTP may be called too (repeatable)', many)
    .option(
      '--isolated-driver <name>',
      'over HTTP, the scope exec is enough beside its tasks (docker, exec, java) (repeatable)',
      many,
    )
    .option(
      '--socket-group <group>',
      'whose members may use the socket of the agent, and so do everything',
    )
    .option(
      '--grpc <host:port>',
      'serve other machines too: whoever has a certificate of the authority may do everything',
    )
    .option('--grpc-ca <file>', 'the authority of their certificates, PEM')
    .option('--grpc-cert <file>', 'the certificate of this agent, PEM')
    .option('--grpc-key <file>', 'its key, PEM');

/** What groups may have of this machine. */
function allowances(command: Command): Command {
  return command
    .option(
      '--network <fact>',
      'what groups may have of the network, such as ports=20000-32000, reserved=22,80 or address.public=192.0.2.1 (repeatable)',
      networkFact,
    )
    .option(
      '--artifact-root <dir>',
      'where file: artifacts may be that not everybody may read (repeatable)',
      many,
    )
    .option('--artifact-limit <size>', 'of one artifact, unpacked, such as 2GiB (100GB)', byteSize)
    .option('--insecure-artifacts', 'let groups ask for certificates not to be checked')
    .option(
      '--secret-env <name>',
      'a variable of the agent that groups may have as a secret; * is any characters (repeatable)',
      many,
    )
    .option('--secret-root <dir>', 'where files may be that are secrets (repeatable)', many)
    .option('--secret-command <path>', 'a program that may be asked for secrets (repeatable)', many)
    .option('--template-root <dir>', 'where files may be that templates read (repeatable)', many)
    .option('--template-keys <dir>', 'a directory with a file for each key that templates ask for');
}
