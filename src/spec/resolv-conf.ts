/** The files by which programs find names, resolv.conf(5) and hosts(5). Pure. */
import type { DnsWish } from './network-spec.ts';

/** What is left out of the wish is taken from the machine's own file, as Docker and Nomad do. */
export function resolvConf({ servers, searches, options }: DnsWish, machine: string): string {
  const all = (keyword: string): readonly string[] =>
    machine.split('\n').flatMap((line) => {
      const [first, ...words] = line.trim().split(/\s+/);
      return first === keyword ? words : [];
    });
  // Of several lines the last one counts.
  const last = (keyword: string): readonly string[] => {
    const line = machine.split('\n').findLast((one) => one.trim().split(/\s+/)[0] === keyword);
    return line?.trim().split(/\s+/).slice(1) ?? [];
  };
  const lines = [
    ...(servers ?? all('nameserver')).map((server) => `nameserver ${server}`),
    ...lineOf('search', searches ?? last('search')),
    ...lineOf('options', options ?? all('options')),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function lineOf(keyword: string, words: readonly string[]): readonly string[] {
  return words.length === 0 ? [] : [`${keyword} ${words.join(' ')}`];
}

/** `ip` left out: an address that only the machine itself has, as Debian does. */
export function hostsFile(hostname: string, ip = '127.0.1.1'): string {
  const [short = hostname] = hostname.split('.');
  const names = short === hostname ? hostname : `${hostname} ${short}`;
  return `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n${ip} ${names}\n`;
}
