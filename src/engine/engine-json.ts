/** What an engine answers in JSON, which nothing is believed of but what is looked at. */
import type { CallWish } from './engine-call.ts';
import { EngineError } from './engine-error.ts';

export type Json = Readonly<Record<string, unknown>>;

/** An empty answer is one that says nothing. */
export function parsed(text: string, { path }: CallWish): Json {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new EngineError('broken', `${path.split('?', 1)[0]}: no JSON`, { cause });
  }
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
