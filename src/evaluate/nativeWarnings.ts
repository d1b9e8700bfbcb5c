import type { NativeEvaluator } from '../native/evaluator.js';
import type { WarningEvent } from '../run/events.js';

/** What the addon found out since the last call. */
export async function* nativeWarnings(native: NativeEvaluator): AsyncGenerator<WarningEvent, void> {
  for (const message of await native.takeWarnings()) yield { type: 'warning', message };
}
