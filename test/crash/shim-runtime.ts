/**
 * A crash point in the shim: the same as `runtime.ts` in a shell's own words, so that it starts no other program. The
 * shim's working directory is `<case>/d/state/run/<launchKey>`. `echo` and not `:`, since a redirection that fails on a
 * special builtin ends the shell.
 */
export const SHIM_RUNTIME = `
crash_point() {
  crash=../../../..
  printf . >>"$crash/reached/$1"
  strike=0
  while [ -e "$crash/acted/$strike" ]; do strike=$((strike + 1)); done
  [ -e "$crash/plan/$strike" ] || return 0
  read -r point nth action ms <"$crash/plan/$strike"
  [ "$point" = "$1" ] || return 0
  arrival=1
  set -C
  while ! { echo >"$crash/count/$strike.$arrival"; } 2>/dev/null; do arrival=$((arrival + 1)); done
  read -r self rest </proc/self/stat
  if [ "$arrival" != "$nth" ] || ! { echo "$self" >"$crash/acted/$strike"; } 2>/dev/null; then
    set +C
    return 0
  fi
  set +C
  case $action in
    kill) kill -s KILL "$self" ;;
    stop) kill -s STOP "$self" ;;
    delay) sleep "$((ms / 1000)).$(printf %03d "$((ms % 1000))")" ;;
    error) exit 74 ;;
  esac
}
`.trim();
