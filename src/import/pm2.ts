/** PM2's ecosystem file: its apps as tasks of one group. What PM2 does by default is written down where it differs. */
import { formatDuration } from '../spec/duration.ts';
import { FieldReading } from './field-reading.ts';
import {
  ImportFault,
  isFields,
  plainName,
  unread,
  withoutUnset,
  type Fields,
  type Imported,
} from './imported.ts';

export interface Pm2Options {
  readonly name: string;
  /** Where relative paths of the file begin. */
  readonly workDir: string;
  /** `production` takes `env_production`, too. */
  readonly env?: string | undefined;
}

/** By the ending of a script, as PM2 has them. */
const INTERPRETERS: Readonly<Record<string, string>> = {
  sh: 'bash',
  py: 'python3',
  rb: 'ruby',
  php: 'php',
  pl: 'perl',
  js: 'node',
  cjs: 'node',
  mjs: 'node',
  ts: 'node',
};

const WATCHING = 'nothing is started anew because a file changed';
const OUTPUT = 'output is read by "holdfast logs"';
const REASONS: Readonly<Record<string, string>> = {
  watch: WATCHING,
  watch_delay: WATCHING,
  ignore_watch: WATCHING,
  watch_options: WATCHING,
  out_file: OUTPUT,
  output: OUTPUT,
  error_file: OUTPUT,
  error: OUTPUT,
  log: OUTPUT,
  log_file: OUTPUT,
  log_type: OUTPUT,
  log_date_format: OUTPUT,
  merge_logs: OUTPUT,
  combine_logs: OUTPUT,
  time: OUTPUT,
  cron_restart: 'use a timer or a scheduler',
  cron: 'use a timer or a scheduler',
  exec_mode: 'every task is a program of its own',
  instance_var: 'there is one instance',
  increment_var: 'there is one instance',
  wait_ready: 'a task runs when its program does',
  listen_timeout: 'a task runs when its program does',
  shutdown_with_message: 'programs are told by a signal',
};

/** `file` is the value of the file. Throws ImportFault. */
export function importPm2(file: unknown, options: Pm2Options): Imported {
  const notes: string[] = [];
  const whole = isFields(file) && 'apps' in file ? file : { apps: file };
  const top = new FieldReading(whole, '', notes);
  const apps = top.any('apps');
  const list: readonly unknown[] = Array.isArray(apps) ? apps : apps === undefined ? [] : [apps];
  if (list.length === 0) throw new ImportFault('has no apps');
  top.end({ deploy: 'nothing is deployed here' });
  const tasks = list.map((app, index) => pm2Task(app, `apps[${index}]`, options, notes));
  const names = tasks.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ImportFault(`names two apps "${twice}"`);
  return { group: { name: plainName(options.name), type: 'service', tasks }, notes };
}

function pm2Task(fields: unknown, path: string, options: Pm2Options, notes: string[]) {
  const app = new FieldReading(fields, path, notes);
  const script = app.text('script') ?? app.text('cmd') ?? app.text('exec');
  app.any('cmd');
  app.any('exec');
  if (script === undefined) throw new ImportFault(`${path} has no script`);
  const name = app.text('name') ?? nameOf(script);
  const workDir = joined(options.workDir, app.text('cwd') ?? '.');
  const instances = app.any('instances');
  if (instances !== undefined && instances !== 1)
    app.note('instances', 'is left out: there is one');
  const plain = plainName(name === 'alloc' ? 'alloc-app' : name);
  const made = withoutUnset({
    driver: 'raw_exec',
    config: { ...programOf(app, script, workDir), workDir },
    env: escaped(envOf(app, fields, options.env)),
    user: userOf(app),
    restart: restartOf(app),
    resources: memoryOf(app),
    // PM2 sends SIGINT, and waits so long.
    killSignal: 'SIGINT',
    killTimeout: span(app, 'kill_timeout') ?? '1600ms',
  });
  app.end(REASONS);
  return { name: plain, ...made };
}

function nameOf(script: string): string {
  const file = script.split('/').at(-1) ?? script;
  return file.replace(/\.[a-z]+$/, '');
}

/** Of plain paths: relative ones begin at `from`. */
function joined(from: string, path: string): string {
  if (path.startsWith('/')) return path;
  const steps = `${from}/${path}`.split('/');
  const kept: string[] = [];
  for (const step of steps) {
    if (step === '..') kept.pop();
    else if (step !== '' && step !== '.') kept.push(step);
  }
  return `/${kept.join('/')}`;
}

function programOf(app: FieldReading, script: string, workDir: string): Fields {
  const args = wordsOf(app, 'args');
  const ownArgs = [
    ...wordsOf(app, 'interpreter_args'),
    ...wordsOf(app, 'node_args'),
    ...wordsOf(app, 'interpreterArgs'),
  ];
  const byEnding = INTERPRETERS[/\.([a-z]+)$/.exec(script)?.[1] ?? ''];
  const interpreter = app.text('interpreter') ?? app.text('exec_interpreter') ?? byEnding;
  app.any('exec_interpreter');
  const isPath = script.includes('/') || byEnding !== undefined;
  const file = isPath ? joined(workDir, script) : script;
  if (interpreter === undefined || interpreter === 'none') return plain({ command: file, args });
  return plain({ command: interpreter, args: [...ownArgs, file, ...args] });
}

function plain({ command, args }: { command: string; args: readonly string[] }): Fields {
  return { command: unread(command), args: args.map(unread) };
}

/** A list, or a text of words with quotes. */
function wordsOf(app: FieldReading, key: string): readonly string[] {
  const value = app.any(key);
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.map(String);
  if (typeof value !== 'string') throw new ImportFault(`${key} must be a text or a list`);
  const words = value.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g);
  return [...words].map(([word]) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

function envOf(app: FieldReading, fields: unknown, chosen: string | undefined): Fields {
  const own = app.texts('env') ?? {};
  const key = chosen === undefined ? undefined : `env_${chosen}`;
  const more = key === undefined ? {} : (app.texts(key) ?? {});
  const others = Object.keys(fields as Fields).filter(
    (one) => one.startsWith('env_') && one !== key,
  );
  for (const other of others) app.drop(other, `take it with --env ${other.slice('env_'.length)}`);
  return { ...own, ...more };
}

/** PM2 puts nothing in the place of `${…}`. */
function escaped(env: Fields): Fields {
  return Object.fromEntries(
    Object.entries(env).map(([key, value]) => [key, unread(String(value))]),
  );
}

function userOf(app: FieldReading): string | undefined {
  const uid = app.word('uid');
  const user = app.word('user') ?? uid;
  const group = app.word('gid');
  if (user === undefined) {
    if (group !== undefined) app.note('gid', 'is left out: it needs a uid');
    return undefined;
  }
  return group === undefined ? user : `${user}:${group}`;
}

/** A run of `min_uptime` makes what was before it forgotten; so many unstable ones in a row are the end. */
function restartOf(app: FieldReading): Fields {
  const fields = {
    minUptime: span(app, 'min_uptime') ?? '1s',
    most: app.number('max_restarts') ?? 16,
  };
  const delay = span(app, 'restart_delay');
  const growing = span(app, 'exp_backoff_restart_delay');
  const codes = exitCodes(app);
  const isOff = app.isFalse('autorestart');
  if (isOff) return { attempts: 0, mode: 'fail' };
  return withoutUnset({
    attempts: fields.most,
    interval: '1d',
    delay: growing ?? delay ?? '100ms',
    ...(growing === undefined ? {} : { backoff: 'exponential', maxDelay: '15s' }),
    resetAfter: fields.minUptime,
    exitCodes: codes,
    mode: 'fail',
  });
}

function exitCodes(app: FieldReading): Fields {
  const codes = app.any('stop_exit_codes');
  const list: readonly unknown[] = Array.isArray(codes)
    ? codes
    : codes === undefined
      ? []
      : [codes];
  return Object.fromEntries(list.map((code) => [String(code), 'complete']));
}

const UNIT_MB: Readonly<Record<string, number>> = { K: 1 / 1024, M: 1, G: 1024 };

function memoryOf(app: FieldReading): Fields | undefined {
  const written = app.word('max_memory_restart');
  if (written === undefined) return undefined;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMG])?B?$/i.exec(written) ?? [];
  if (amount === undefined) {
    app.note('max_memory_restart', `is left out: "${written}" is no size`);
    return undefined;
  }
  const perUnit = UNIT_MB[unit.toUpperCase()] ?? 1 / 1024 / 1024;
  app.note('max_memory_restart', 'is a hard limit here: the kernel ends what passes it');
  return { memoryMb: Math.max(4, Math.ceil(Number(amount) * perUnit)) };
}

/** Milliseconds, or a text with a unit. */
function span(app: FieldReading, key: string): string | undefined {
  const value = app.any(key);
  if (value === undefined) return undefined;
  if (typeof value === 'string' && !/^\d+$/.test(value)) return value;
  return formatDuration(Number(value));
}
