/**
 * Makes the modules of `src/` that touch the outside meet the simulated machine instead: what they import and which
 * global names they see are exchanged while they are loaded; their code is what ships. Import this first of all, and
 * everything else afterwards, dynamically. A mutant is a patch of the text of one module.
 */
import { registerHooks } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Patch, patchedText } from '../patch.ts';

const SOURCES = new URL('../../src/', import.meta.url).href;
const GLOBALS = new URL('./stand-ins/globals.ts', import.meta.url).href;

/** By the name that is imported, or by the path below `src/`. */
const STAND_INS: Readonly<Record<string, URL>> = {
  'node:fs': new URL('./stand-ins/fs.ts', import.meta.url),
  'node:fs/promises': new URL('./stand-ins/fs-promises.ts', import.meta.url),
  'node:timers/promises': new URL('./stand-ins/timers-promises.ts', import.meta.url),
  'node:crypto': new URL('./stand-ins/crypto.ts', import.meta.url),
  'node:net': new URL('./stand-ins/net.ts', import.meta.url),
  'os/attached-process.ts': new URL('./stand-ins/attached-process.ts', import.meta.url),
  'os/terminal.ts': new URL('./stand-ins/terminal.ts', import.meta.url),
  'os/pipes.ts': new URL('./stand-ins/pipes.ts', import.meta.url),
  'os/libc.ts': new URL('./stand-ins/libc.ts', import.meta.url),
  'os/memory-dir.ts': new URL('./stand-ins/memory-dir.ts', import.meta.url),
  'os/machine-capabilities.ts': new URL('./stand-ins/machine-capabilities.ts', import.meta.url),
  'log/open-store.ts': new URL('./stand-ins/open-store.ts', import.meta.url),
  'log/store-lock.ts': new URL('./stand-ins/store-lock.ts', import.meta.url),
  'rpc/framed-client.ts': new URL('./stand-ins/framed-client.ts', import.meta.url),
  'rpc/host-process.ts': new URL('./stand-ins/host-process.ts', import.meta.url),
  'rpc/spawn-host.ts': new URL('./stand-ins/spawn-host.ts', import.meta.url),
};

/** What no simulated task asks for: servers, archives, secrets and templates, of which this machine has none. */
const UNTOUCHED = ['artifacts', 'secrets', 'templates', 'changes'].map(
  (path) => `${SOURCES}hooks/${path}`,
);

function isSimulated(url: string | undefined): boolean {
  if (url?.startsWith(SOURCES) !== true) return false;
  return !UNTOUCHED.some((start) => url.startsWith(start));
}

const NAMES = [
  'process',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'Date',
  'performance',
  'AbortSignal',
];

/** Throws while a module is loaded that a patch does not fit. */
export function simulateModules(patches: readonly Patch[] = []): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const isOurs = isSimulated(context.parentURL);
      const byName = isOurs ? STAND_INS[specifier] : undefined;
      if (byName !== undefined) return { url: byName.href, shortCircuit: true };
      const found = nextResolve(specifier, context);
      if (!isOurs || !found.url.startsWith(SOURCES)) return found;
      const standIn = STAND_INS[found.url.slice(SOURCES.length)];
      return standIn === undefined ? found : { url: standIn.href, shortCircuit: true };
    },
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const isOurs = isSimulated(url);
      const file = url.startsWith('file:')
        ? relative(fileURLToPath(SOURCES), fileURLToPath(url))
        : '';
      const isPatched = patches.some((patch) => patch.file === file);
      if (loaded.source === undefined || !(isOurs || isPatched)) return loaded;
      const text = patches
        .filter((patch) => patch.file === file)
        .reduce(patchedText, Buffer.from(loaded.source as Uint8Array).toString());
      return { ...loaded, source: isOurs ? withGlobals(text) : text };
    },
  });
}

/** On the first line, so that positions stay what they are. */
function withGlobals(text: string): string {
  const wanted = NAMES.filter((name) => {
    if (!new RegExp(`\\b${name}\\b`).test(text)) return false;
    // A module that imports the name for itself means that one.
    return !new RegExp(`import [^;]*\\b${name}\\b(?! as)[^;]*from`).test(text);
  });
  return wanted.length === 0 ? text : `import { ${wanted.join(', ')} } from '${GLOBALS}'; ${text}`;
}
