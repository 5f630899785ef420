/**
 * Networks for the kill matrix: real namespaces, connected by plugins that do nothing but leave a mark of whom they have
 * connected. They refuse to connect anybody twice, so that a connection that was not taken away is noticed.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OrchestratorOptions } from '../../src/orchestrator-options.ts';
import { namesIn } from '../../src/os/quiet-reads.ts';
import type { CasePlaces } from './plan.ts';

export const PROBED = { mode: 'cni/probe' };

const LIST = {
  name: 'probe',
  cniVersion: '0.4.0',
  plugins: [{ type: 'first' }, { type: 'second' }],
};

function script(marks: string): string {
  return `#!/bin/sh
mark=${marks}/$CNI_CONTAINERID.\${0##*/}
[ "$CNI_COMMAND" != DEL ] || exec rm -f "$mark"
if [ "$CNI_COMMAND" = CHECK ]; then [ -e "$mark" ]; exit; fi
if [ -e "$mark" ]; then echo '{"code":100,"msg":"connected already"}'; exit 1; fi
: > "$mark"
echo '{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.9.0.2/24"}]}'
`;
}

/** Written each time the same. */
export function plugins({ caseDir }: CasePlaces): Pick<OrchestratorOptions, 'network'> {
  const dir = join(caseDir, 'cni');
  if (!existsSync(dir)) {
    mkdirSync(join(dir, 'marks'), { recursive: true });
    for (const { type } of LIST.plugins) {
      writeFileSync(join(dir, type), script(join(dir, 'marks')));
      chmodSync(join(dir, type), 0o755);
    }
    writeFileSync(join(dir, 'probe.conflist'), JSON.stringify(LIST));
  }
  return { network: { cniPath: [dir], cniConfigDirs: [dir] } };
}

/** Connections, records and namespaces that were not taken away. */
export function leftOfNetworks({ caseDir, dataDir }: CasePlaces): readonly string[] {
  const file = join(dataDir, 'state', 'instance.json');
  if (!existsSync(file)) return [];
  const { instanceId } = JSON.parse(readFileSync(file, 'utf8')) as { readonly instanceId: string };
  const prefix = `holdfast-${instanceId.slice(0, 8)}-`;
  return [
    ...namesIn(join(caseDir, 'cni', 'marks')).map((name) => `connection ${name}`),
    ...namesIn(join(dataDir, 'state', 'networks')).map((name) => `networks/${name}`),
    ...namesIn('/run/netns').filter((name) => name.startsWith(prefix)),
  ];
}
