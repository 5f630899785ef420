/**
 * What the shim does for a container, as text for a POSIX shell: it goes on where `fate` was won (shim.ts), with the
 * container's configuration as fd 6 and three more arguments, the launch key, conmon and runc.
 *
 * What looks odd in it has a reason:
 * - conmon stays a child of the shim (`--sync`), which waits for it and so needs no sign of its end.
 * - `env` gives INT and QUIT back, which a shell ignores in what it starts in the background, and with it all below.
 * - `sync` is opened for reading while conmon and the shim have it open for both: only when the shim has closed it does
 *   a conmon that ended without a word end the reading too.
 * - The runtime makes the directories that lead to mount points, and whoever the task is has to pass through them.
 * - Nothing is undone here. Without `identity` the container is never let go, and a host removes it; with it the
 *   container is let go, by a host if the shim cannot (container.ts).
 * - conmon's file has a status but no signal. 128 + n is a signal where n is one.
 */
export const OCI_SHIM_TEXT = `
container() {
  trap - CHLD
  key=$1
  oci=$run/oci
  root=$oci/state
  exec 7<>oci/sync
  umask 022
  # crash point: shim.container.before
  _OCI_SYNCPIPE=7 /usr/bin/env --default-signal=INT,QUIT "$2" --sync --api-version 1 \\
    -c "$key" -u "$key" -r "$3" -b "$oci/bundle" -p "$oci/pid" -l passthrough --log-level error \\
    --runtime-arg --root --runtime-arg "$root" --runtime-arg --log --runtime-arg "$oci/log" \\
    --runtime-arg --log-format --runtime-arg json \\
    --exit-dir "$oci/code" --persist-dir "$oci/persist" >&3 2>&4 3>&- 4>&- 5>&- </dev/null &
  conmon=$!
  umask 077
  trap '' $signals
  exec 9<oci/sync 6<&- 7>&-
  # crash point: shim.container.forked
  told=
  read -r told <&9
  exec 9<&-
  # crash point: shim.container.created
  pid=\${told#*'"data": '}
  pid=\${pid%%[!0-9]*}
  { [ "$pid" ] && read -r me <"/proc/$pid/stat"; } || {
    echo "$told" >oci/told
    exit 74
  }
  # crash point: shim.container.identity.before
  echo "$me
again $me" >identity || exit 74
  # crash point: shim.container.identified
  "$3" --root "$root" start "$key" || "$3" --root "$root" delete --force "$key"
  # crash point: shim.container.started
  echo >&5
  wait $conmon
  code=
  read -r code <"oci/code/$key"
  [ "$code" ] || exit 74
  # crash point: shim.container.ended
  {
    echo "code $code"
    [ "$code" -le 192 ] || echo "[1] + Done($code)"
    echo "again $code"
    echo .
  } 1<>exit
  # crash point: shim.container.exit.written
  exec /usr/bin/sync -d exit .
}

[ -z "\${4-}" ] || container "$4" "$5" "$6"
`.trimStart();
