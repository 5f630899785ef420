/** The command's entry. */
import { endWhereNothingIsRead } from './output.ts';
import { runCommand } from './run-command.ts';

endWhereNothingIsRead();
process.exitCode = await runCommand(process.argv.slice(2));
