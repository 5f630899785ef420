import { expect, it } from 'vitest';
import { isRejection } from '../../src/machines/decision.ts';
import { decideSession } from '../../src/machines/session-decider.ts';
import { INITIAL_TASK } from '../../src/machines/task-state.ts';
import { SESSION } from './stories.ts';

it('says in a sentence why no command begins beside a task that waits', () => {
  const state = { value: 'backoff', context: INITIAL_TASK };
  const message = { type: 'OpenSession', ...SESSION } as const;
  const decision = decideSession(message, state, expect.unreachable, { steady: 0 });
  expect(isRejection(decision) && decision.rejected.message).toBe(
    'the task does not run (backoff): commands are run beside a running program only',
  );
});
