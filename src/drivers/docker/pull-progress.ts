/** How far a pull is, in the words of Nomad, for everybody who waits for it. */
import type { TaskVoice } from '../task-voice.ts';

const DONE: readonly string[] = ['Pull complete', 'Already exists'];

/** Told so often; the engine says much more. */
export const PROGRESS_MS = 2 * 60_000;

export class PullProgress {
  readonly #voices = new Set<TaskVoice>();
  readonly #layers = new Map<string, boolean>();
  readonly #image: string;
  readonly #timer: NodeJS.Timeout;

  constructor(image: string) {
    this.#image = image;
    this.#timer = setInterval(() => this.#tell(), PROGRESS_MS);
  }

  join(voice: TaskVoice): void {
    this.#voices.add(voice);
    voice.emit('image', 'Downloading image', { image: this.#image });
  }

  leave(voice: TaskVoice): void {
    this.#voices.delete(voice);
  }

  note(status: string, layer: string): void {
    // The first line names the tag where others name a layer.
    if (layer !== '' && !status.startsWith('Pulling from')) {
      this.#layers.set(layer, DONE.includes(status));
    }
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #tell(): void {
    const layers = [...this.#layers.values()];
    const text = `Pulled ${layers.filter(Boolean).length}/${layers.length} layers`;
    for (const voice of this.#voices) {
      voice.emit('image', `Docker image pull progress: ${text}`, { image: this.#image });
    }
  }
}
