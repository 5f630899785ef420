/** What the audience sees: headings, commands, events as they come, and claims that hold or do not. */

const isColoured = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
let failures = 0;

function styled(code: number, text: string): string {
  return isColoured ? `\u001B[${code}m${text}\u001B[0m` : text;
}

export function heading(text: string): void {
  console.log(`\n${styled(1, text)}`);
}

export function tell(text: string): void {
  for (const line of text.trimEnd().split('\n')) console.log(`  ${line}`);
}

export function command(line: string): void {
  console.log(`  ${styled(36, `$ ${line}`)}`);
}

/** One event as it arrived. */
export function event(text: string): void {
  console.log(`  ${styled(2, `│ ${text}`)}`);
}

/** Says whether it is so; the demo fails at its end when one was not. */
export function claim(isSo: boolean, text: string): void {
  if (!isSo) failures += 1;
  console.log(`  ${isSo ? styled(32, 'ok') : styled(31, 'NOT SO')}  ${text}`);
}

export function failedClaims(): number {
  return failures;
}
