/** The command's entry. */
import { endQuietlyWithoutReader } from './output.ts';
import { runCommand } from './run-command.ts';

endQuietlyWithoutReader();
process.exitCode = await runCommand(process.argv.slice(2));
