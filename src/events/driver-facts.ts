/** What is recorded of a task on behalf of its driver. */
import { fields, flag, record, text, whole } from './shape.ts';

/** How the driver lets the program be reached: label to port at `ip`. */
export const driverNetwork = fields({ ip: text, ports: record(whole), isAdvertised: flag });

const thing = fields({ kind: text, id: text });

export const DRIVER_FACTS = {
  /** How the driver gets on with the task, in its own words. Few of a run: see `src/drivers/task-voice.ts`. */
  DriverMessage: {
    schema: 1,
    data: fields({ type: text, message: text, details: record(text) }),
  },
  /** The driver makes, or uses from now on, something that is not of one run. Written before it is there. */
  HoldingRecorded: { schema: 1, data: thing },
  /** It is gone, or was never made. */
  HoldingForgotten: { schema: 1, data: thing },
} as const;
