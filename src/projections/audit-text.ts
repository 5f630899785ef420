/** Who asked for what, as a sentence for an operator. */
import type { Actor } from '../api/actor.ts';
import type { Fact } from './fact.ts';

export function auditText(fact: Fact): string | undefined {
  switch (fact.type) {
    case 'CommandReceived': {
      const { command, ref, actor, options } = fact.data;
      const said = Object.entries(options).map(([name, value]) => ` (${name}: ${value})`);
      return `${actorText(actor)} asked: ${asked(command, ref)}${said.join('')}`;
    }
    case 'CommandRefused': {
      const { command, ref, actor, code, unrecorded } = fact.data;
      const more = unrecorded === 0 ? '' : `; ${unrecorded} more were refused before`;
      return `${actorText(actor)} was refused ${asked(command, ref)}: ${code}${more}`;
    }
    default:
      return undefined;
  }
}

function asked(command: string, ref: string): string {
  return ref === '' ? command : `${command} ${ref}`;
}

const WHAT = { library: 'program', socket: 'user', grpc: 'certificate', http: 'token' } as const;

/** Such as `token ci (127.0.0.1:40112, curl/8.5.0)`. */
export function actorText(actor: Actor): string {
  const { via, name, address, pid, client, onBehalfOf } = actor;
  const facts = [
    ...(address === undefined ? [] : [address]),
    ...(pid === undefined ? [] : [`pid ${pid}`]),
    ...(client === undefined ? [] : [client]),
    ...(onBehalfOf === undefined ? [] : [`for ${onBehalfOf}`]),
  ];
  const who = name === '' ? `the ${WHAT[via]}` : `${WHAT[via]} ${name}`;
  return facts.length === 0 ? who : `${who} (${facts.join(', ')})`;
}
