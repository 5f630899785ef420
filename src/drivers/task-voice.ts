/** What a driver may say of a task. */

export interface TaskVoice {
  /** Whose measurements these are: `node`, `job` (the group), `group`, `alloc` (its id), `task`. */
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Has a `DriverMessage` recorded in the stream of the task: what users should know of how it gets on, such as a pull.
   * `type` is a short word of the driver's. May be called at any time, and never throws: what is too much (more than 16
   * at once and 1 a second, or 64 in a run) is counted and left out, long texts are cut, and a task at which nobody is
   * at work says nothing.
   */
  emit(type: string, message: string, details?: Readonly<Record<string, string>>): void;
}
