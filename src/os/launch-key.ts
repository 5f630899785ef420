const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const LAUNCH_KEY_LENGTH = 20;
const TASK_KEY_LENGTH = 16;

/** RFC 4648 base32 in lower case, cut to `length` characters: safe in paths, container names and cgroup names. */
function base32(bytes: Buffer, length: number): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return text.slice(0, length);
}

/** The hash is loaded with the first key: a host that only checks keys does not pay 1 MB of private memory for it. */
function keyOf(parts: readonly string[], length: number): string {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return base32(createHash('sha256').update(parts.join('\0')).digest(), length);
}

/** The idempotency key of one start: names its directory, cgroup and container. 20 characters of a-z2-7. */
export function launchKey(allocId: string, task: string, run: number, token: string): string {
  return keyOf([allocId, task, String(run), token], LAUNCH_KEY_LENGTH);
}

/** Names what a task keeps over its runs, such as its FIFOs. 16 characters of a-z2-7. */
export function taskKey(allocId: string, task: string): string {
  return keyOf([allocId, task], TASK_KEY_LENGTH);
}

/** What every process of a run carries as HOLDFAST_MARK: only a full match is ours. */
export function markOf(instanceId: string, key: string): string {
  return `${instanceId}:${key}`;
}

/** Only such a text may become part of a path. */
export function isLaunchKey(text: string): boolean {
  return /^[a-z2-7]{20}$/.test(text);
}
