/** The templates of one task: what each becomes by now, and where that is put. */
import { HoldfastError } from '../../errors.ts';
import type { TemplateSpec } from '../../spec/template-spec.ts';
import { refused } from '../artifacts/faults.ts';
import type { Owner } from '../artifacts/directories.ts';
import type { HookDoors, HookRequest } from '../hook.ts';
import { placeFile } from '../place-file.ts';
import type { Names } from './fill-in.ts';
import { textOf } from '../read-opened.ts';
import { type Input, Inputs, partsOf } from './inputs.ts';
import { render, type Rendered } from './render.ts';
import type { TemplateRules } from './rules.ts';

export class TaskTemplates {
  readonly all: readonly TemplateSpec[];
  readonly inputs: Inputs;
  readonly #request: HookRequest;
  readonly #doors: HookDoors;
  #owner: Promise<Owner | undefined> | undefined;

  constructor(request: HookRequest, doors: HookDoors, rules: TemplateRules) {
    this.all = request.task.templates ?? [];
    this.inputs = new Inputs(rules, request.dirs.task, doors.signal);
    this.#request = request;
    this.#doors = doors;
  }

  /** With what `read` gives. Errors say which template it is. */
  async render(
    template: TemplateSpec,
    read: (input: Input) => Promise<string | undefined>,
  ): Promise<Rendered> {
    return this.named(template, async () => {
      const { data, source = '', errorOnMissingKey } = template;
      const text = data ?? (await this.#sourceText(source));
      const rules = { isStrict: errorOnMissingKey, isOfLines: template.env };
      return render(text, this.#names(), rules, read);
    });
  }

  async place(template: TemplateSpec, content: string): Promise<void> {
    await this.named(template, async () => {
      this.#owner ??= this.#doors.drivers.ownerOf(this.#request.task);
      await placeFile({
        root: this.#request.dirs.task,
        steps: template.destination.split('/'),
        content,
        mode: Number.parseInt(template.perms, 8),
        owner: await this.#owner,
      });
    });
  }

  async isPlaced({ destination }: TemplateSpec): Promise<boolean> {
    return (await this.inputs.ofTask(destination).catch(() => undefined)) !== undefined;
  }

  hashOf({ destination }: TemplateSpec, content: string): string {
    return this.#doors.hashOf(`template ${destination}`, content);
  }

  nameOf(template: TemplateSpec): string {
    return `templates[${this.all.indexOf(template)}] (${template.destination})`;
  }

  async named<T>(template: TemplateSpec, work: () => Promise<T> | T): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#doors.signal.throwIfAborted();
      const { code, message, retryable } = HoldfastError.from(error);
      throw new HoldfastError(code, `${this.nameOf(template)}: ${message}`, { retryable });
    }
  }

  async #sourceText(source: string): Promise<string> {
    const bytes = await this.inputs.ofTask(source);
    if (bytes === undefined) throw refused(`cannot read ${source}: there is no such file`);
    return textOf(source, bytes);
  }

  /** Those that a start finds. Where this agent lacks a secret of a program that runs, asking for it is an error. */
  #names(): Names {
    const { env, unknown } = this.#doors.found();
    const secret: Record<string, string> = {};
    const lacking: string[] = [];
    for (const { name } of this.#request.task.secrets ?? []) {
      const value = this.#doors.secret(name);
      if (value === undefined) lacking.push(name);
      else secret[name] = value;
    }
    return { env, secret, unknown: { env: unknown, secret: lacking } };
  }
}

/** `key "db/host", file "/etc/x"`. */
export function inWords(inputs: readonly Input[]): string {
  const most = inputs.slice(0, MOST_NAMED).map((input) => {
    const { kind, name } = partsOf(input);
    return `${kind} ${JSON.stringify(name)}`;
  });
  const rest = inputs.length - most.length;
  return `${most.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

const MOST_NAMED = 5;
