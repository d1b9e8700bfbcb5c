import * as check from '../arguments/check.js';
import type { TrainConfigInput } from '../config/trainConfig.js';
import { createTrainer } from './createTrainer.js';
import { CREATE_TRAINER_CHECKS, type CreateTrainerOptions } from './createTrainerOptions.js';
import type { DoneEvent, TrainEvent } from './events.js';

export interface TrainOptions extends CreateTrainerOptions {
  /** Called with every event, in order; the run waits for what it returns. */
  readonly onEvent?: ((event: TrainEvent) => void | Promise<void>) | undefined;
  /** Ends the run after its current step. */
  readonly signal?: AbortSignal | undefined;
}

const ARGUMENTS = {
  options: check.options<TrainOptions>({ ...CREATE_TRAINER_CHECKS, onEvent: check.callback }),
};

/**
 * A whole run in one call: creates a trainer, runs it and disposes of it.
 * @returns the last event: the best epoch and the files
 * @throws MocoError as `createTrainer` and `Trainer.run`
 */
export async function train(
  config: TrainConfigInput,
  options: TrainOptions = {},
): Promise<DoneEvent> {
  check.requireArguments('train', ARGUMENTS, { options });
  const { onEvent, ...creation } = options;
  await using trainer = await createTrainer(config, creation);
  let last: TrainEvent | undefined;
  for await (const event of trainer.run({ signal: options.signal })) {
    await onEvent?.(event);
    last = event;
  }
  return last as DoneEvent; // a run that ends otherwise throws
}
