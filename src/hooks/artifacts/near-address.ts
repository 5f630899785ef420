/** Addresses that only this machine should be asked at: its own, and those of its link, where clouds answer to it. */
import { lookup } from 'node:dns/promises';
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const NEAR = new BlockList();
for (const [subnet, bits] of [
  ['127.0.0.0', 8],
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
] as const) {
  NEAR.addSubnet(subnet, bits, 'ipv4');
}
for (const [subnet, bits] of [
  ['::', 127],
  ['fe80::', 10],
  // Amazon's, for machines that speak IPv6.
  ['fd00:ec2::', 32],
] as const) {
  NEAR.addSubnet(subnet, bits, 'ipv6');
}

/** `hostname` as a URL has it. False for a name that nobody knows: whoever asks there is told so. */
export async function isNear(hostname: string): Promise<boolean> {
  const plain = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIPv4(plain) || isIPv6(plain)) return isNearAddress(plain);
  const found = await lookup(plain, { all: true }).catch(() => []);
  return found.some(({ address }) => isNearAddress(address));
}

function isNearAddress(address: string): boolean {
  return NEAR.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
