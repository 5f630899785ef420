/** Why `npm ci` failed, in one sentence for the person who typed the command, above what npm itself said. */
const CAUSES = [
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR/,
    'the npm registry cannot be reached: check the network, the proxy, and "npm config get registry"',
  ],
  [/\bE40[13]\b/, 'the npm registry refuses access: check "npm config get registry" and the login'],
  [/\bE404\b|ETARGET/, 'the npm registry does not have a package that package-lock.json names'],
  [/EUSAGE|in sync/, 'package.json and package-lock.json do not belong together: run npm install'],
  [/EINTEGRITY/, 'a package is not the one that package-lock.json names (checksum)'],
  [/EBADPLATFORM/, 'a package does not run on this system: Holdfast needs Linux on x64 or arm64'],
  [/ENOSPC/, 'the disk is full'],
  [/EACCES|EPERM|EROFS/, 'files of the checkout or of the npm cache cannot be written'],
];

const LAST_LINES = 15;

export function explain(output, { status, signal }) {
  const found = CAUSES.find(([pattern]) => pattern.test(output));
  const end = signal ?? `exit status ${status}`;
  const cause = found === undefined ? `npm ci failed (${end})` : found[1];
  const lines = output.trim().split('\n').slice(-LAST_LINES);
  return `${cause}\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
