/** A Procfile as Heroku and foreman know it: one line a process, `name: command`, which a shell reads. */
import { ImportFault, plainName, unread, type Imported } from './imported.ts';

const LINE = /^([A-Za-z0-9_-]+):\s*(.+)$/;

/** `workDir` is where its commands are at home. Throws ImportFault with the line. */
export function importProcfile(text: string, name: string, workDir: string): Imported {
  const notes: string[] = [];
  const tasks = new Map<string, object>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const written = line.trim();
    if (written === '' || written.startsWith('#')) continue;
    const [, process = '', command = ''] = LINE.exec(written) ?? [];
    if (process === '') throw new ImportFault(`:${index + 1} must be "name: command"`);
    const task = plainName(process === 'alloc' ? 'alloc-process' : process);
    if (tasks.has(task)) throw new ImportFault(`:${index + 1} names "${process}" again`);
    if (task !== process) notes.push(`${process} is called ${task} here`);
    if (/\$\{?PORT\b/.test(command))
      notes.push(`${process} uses PORT: nobody sets it, so set it in env`);
    const isRelease = process === 'release';
    if (isRelease) notes.push('release runs before all others, each time the group is started');
    // A shell of its own for each line, which the command then replaces.
    const config = { command: '/bin/sh', args: ['-c', shellLine(command)], workDir };
    const lifecycle = isRelease ? { lifecycle: { hook: 'prestart' } } : {};
    tasks.set(task, { name: task, driver: 'raw_exec', ...lifecycle, config });
  }
  if (tasks.size === 0) throw new ImportFault('names no process');
  const group = { name: plainName(name), type: 'service', tasks: [...tasks.values()] };
  return { group, notes };
}

/** One plain command replaces the shell, and so gets the signals; `${…}` is left to the shell. */
function shellLine(command: string): string {
  const bare = command.replace(/\$\{[^}]*\}/g, '');
  const isPlain = !/[;&|<>(){}`]/.test(bare) && !/^\w+=/.test(bare);
  return unread(isPlain ? `exec ${command}` : command);
}
