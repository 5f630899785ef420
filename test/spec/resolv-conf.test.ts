import { describe, expect, it } from 'vitest';
import { hostsFile, resolvConf } from '../../src/spec/resolv-conf.ts';

const MACHINE = `# made by hand
nameserver 10.0.0.1
search old.example
search corp.example  home.example
nameserver 10.0.0.2
options ndots:2
`;

describe('resolv.conf', () => {
  it('has what was asked for, and of the machine what was not', () => {
    expect(resolvConf({ servers: ['192.0.2.1'] }, MACHINE)).toBe(
      'nameserver 192.0.2.1\nsearch corp.example home.example\noptions ndots:2\n',
    );
    expect(resolvConf({ searches: ['a', 'b'], options: ['rotate'] }, MACHINE)).toBe(
      'nameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a b\noptions rotate\n',
    );
    expect(resolvConf({}, '')).toBe('');
  });
});

it('hosts has the name with and without its domain, at the address of the group', () => {
  expect(hostsFile('web', '10.9.0.2').split('\n').at(-2)).toBe('10.9.0.2 web');
  expect(hostsFile('web.example.com').split('\n').at(-2)).toBe('127.0.1.1 web.example.com web');
  expect(hostsFile('web')).toContain('127.0.0.1 localhost\n::1 localhost ');
});
