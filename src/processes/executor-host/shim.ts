import { type Confining, UNCONFINED } from './chain.ts';
import { OCI_SHIM_TEXT } from './oci-shim.ts';

/**
 * The tiny parent of one program, as text for a POSIX shell. It is started with three arguments, the run directory and
 * the two FIFOs of the task's output, and with the program's words in a file in memory as fd 0 (`programText`), where
 * neither a listing of processes nor the disk shows a secret. The files it writes are described in
 * os/run-directory.ts. Three more arguments make it the parent of a container (oci-shim.ts).
 *
 * What looks odd in it has a reason:
 * - Signals are caught at first and ignored only after the program was started, which would inherit that. Ignored they
 *   do not interrupt `wait`, and do not end `sync`, which does inherit it.
 * - `life` is opened before `fate` is made, so that an empty `fate` without a holder of `life` proves a dead shim.
 * - `exit` is made of blanks at first and written over: a task that ends while the disk is full needs no more room.
 * - A shell makes a plain file of a missing FIFO: one that comes so late that its task is over ends first.
 * - The words move to fd 6, because a shell gives what it starts in the background another fd 0.
 * - A shell ignores INT and QUIT in what it starts in the background; `env --default-signal` gives them back.
 * - The program's environment is assembled by `env -S`, which is told where to find each value: shells drop names such
 *   as `a.b`, refuse to set `UID`, and a LD_PRELOAD must act on the program only, not on the tools before it.
 * - The child joins its cgroup before anybody knows of it: whatever is of the run is in there, from its first moment.
 * - A confined child becomes another user, so that it can only write where it holds a descriptor: `confined` (fd 7)
 *   says what went wrong on the way, or `entered` when the next step is the program.
 * - `jobs` tells `exit 137` from SIGKILL. dash keeps the answer until it is asked; bash forgets it with `wait`, but
 *   in POSIX mode a trapped CHLD interrupts `wait` (status 128 + 17) before it does. Then its `wait` may have forgotten
 *   the status (127), and what `jobs` said is all there is. A program that ended before `wait` began would be one that
 *   `jobs` was never asked about: under bash the child lets the shim, which otherwise never sleeps, go to sleep first.
 */
export const SHIM_TEXT = `
run=$1
cd "$run" || exit 74
told=
last=
[ -z "\${BASH_VERSION-}" ] || { set -o posix; trap : CHLD; }
signals='HUP INT QUIT TERM USR1 USR2 PIPE ALRM TSTP TTIN TTOU CONT'
trap : $signals
# crash point: shim.begun
for output in "$2" "$3"; do [ -p "$output" ] || [ "$output" = /dev/null ] || exit 74; done
[ -p life ] || exit 74
exec 3<>"$2" 4<>"$3" 5<>life 6<&0 0</dev/null
# crash point: shim.fifos.opened
read -r me </proc/self/stat
# crash point: shim.fate.before
set -C
{ echo "launch $me
again $me" >fate; } 2>/dev/null || exit 75
# crash point: shim.fate.won
set +C
printf '%512s\\n' >exit || :

${OCI_SHIM_TEXT}
program() {
  trap ': >"$run/exec-failed"' EXIT
  # crash point: shim.child.begun
  through=
  . /proc/self/fd/6
  # crash point: shim.child.joined
  read -r me </proc/self/stat
  # crash point: shim.identity.before
  echo "$me
again $me" >identity || exit 126
  # crash point: shim.identity.written
  echo >&5
  umask 022
  [ -z "\${BASH_VERSION-}" ] ||
    while read -r _ _ state _ <"/proc/$$/stat" && [ "$state" = R ]; do :; done
  # crash point: shim.exec.before
  [ -z "$through" ] || {
    exec 7>confined 2>&7 6<&-
    confine /usr/bin/setsid /bin/sh -c "$through" sh "$cwd" "$environment" "$@"
  }
  exec 1>&3 2>&4 3>&- 4>&- 5>&- 6>&-
  cd "$cwd" || exit 126
  [ -e "$1" ] || exit 127
  [ -f "$1" ] && [ -x "$1" ] || exit 126
  exec /usr/bin/setsid /usr/bin/env -S "$environment" "$@"
}

put() {
  { echo "$1" >"$2"; } 2>/dev/null || {
    echo "$3: $2 could not be written" >confined
    exit 126
  }
}

program &
# crash point: shim.forked
exec 6<&-
trap '' $signals
wait $!
code=$?
if [ "\${BASH_VERSION-}" ] && [ $code = 145 ]; then
  trap - CHLD
  told=$(jobs)
  wait $!
  late=$?
  [ $late = 127 ] || code=$late
fi
[ ! -e confined ] || {
  while read -r line; do last=$line; done <confined
  [ "$last" = entered ] || : >exec-failed
}
# crash point: shim.exit.before
{
  echo "code $code"
  [ ! -e exec-failed ] || echo exec-failed
  jobs
  echo "$told"
  echo "again $code"
  echo .
} 1<>exit
# crash point: shim.exit.written
exec /usr/bin/sync -d exit .
`.trimStart();

/**
 * The last step of a confined start, as the user that the program is: the working directory and the program must be
 * there for him. Its arguments are the directory, what `env -S` is told, and the program's words. No single quotes.
 */
const confinedText = (last: readonly string[]): string =>
  `
refuse() {
  echo "$2" >&7
  exit $1
}
cd "$1" 2>/dev/null || refuse 126 "START_FAILED: the user cannot enter the working directory $1"
environment=$2
shift 2
[ -e "$1" ] || refuse 127 "COMMAND_NOT_FOUND: the user finds no $1"
[ -f "$1" ] && [ -x "$1" ] || refuse 126 "COMMAND_NOT_EXECUTABLE: the user may not execute $1"
echo entered >&7
echo >&5
exec 1>&3 2>&4 3>&- 4>&- 5>&- 7>&-
exec ${last.join(' ')} /usr/bin/env -S "$environment" "$@"
`.trim();

export interface ProgramWords {
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the program. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path. */
  readonly cwd: string;
  /** Left out: the program has what the host has. */
  readonly confining?: Confining;
}

/**
 * Does this process still run what stands before the program, so that it may ignore INT and QUIT as the shell's child
 * does? `commandLine` is the text of /proc/<pid>/cmdline, `script` the path of the shim.
 */
export function isBeforeProgram(commandLine: string, script: string): boolean {
  const words = commandLine.split('\0');
  if (words[0]?.endsWith('runc') && words[1] === 'init') return true;
  return words[1] === script || words.some((word) => word.startsWith(ENV_OPTIONS));
}

const ENV_OPTIONS = '-i --default-signal=INT,QUIT';

/** One word for a shell, whatever it holds. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A name for `env -S`, whose single quotes know two escapes. */
function quotedForEnv(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}

/**
 * What the shim's child reads from fd 0. Values travel in variables of neutral names, H0, H1 …, and `environment` tells
 * `env -S` which of them becomes which. Words with NUL bytes must have been refused before.
 */
export function programText(words: ProgramWords): string {
  const entries = Object.entries(words.env);
  const values = entries.map(([, value], index) => `export H${index}=${quoted(value)}\n`);
  const places = entries.map(([name], index) => ` ${quotedForEnv(`${name}=`)}\${H${index}}`);
  // env would take a command with `=` in its path for one more variable; a tool in between reads it right.
  const through = words.command.includes('=') ? '/usr/bin/nice -n 0' : '';
  const environment = `${ENV_OPTIONS}${places.join('')} ${through}`;
  return [
    ...confiningText(words.confining ?? UNCONFINED),
    ...values,
    `cwd=${quoted(words.cwd)}\n`,
    `environment=${quoted(environment)}\n`,
    `set -- ${[words.command, ...words.args].map(quoted).join(' ')}\n`,
  ].join('');
}

function confiningText({ joins, oomScoreAdj, chain, last }: Confining): readonly string[] {
  const lines = joins.map((file) => `put 0 ${quoted(file)} START_RETRYABLE\n`);
  if (oomScoreAdj !== undefined)
    lines.push(`put ${oomScoreAdj} /proc/self/oom_score_adj START_FAILED\n`);
  if (chain.length + last.length === 0) return lines;
  const words = chain.map(quoted).join(' ');
  return [
    ...lines,
    `through=${quoted(confinedText(last))}\n`,
    `confine() { exec ${words} "$@"; }\n`,
  ];
}
