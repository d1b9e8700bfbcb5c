import { type ProfileResult, STEP_PHASES, type StepProfile } from '../index.js';
import { shares, wholePercent } from './benchText.js';
import { count } from './quantities.js';
import { tableLines } from './table.js';

/** How many operators are listed; `--json` has all of them. */
const LISTED = 25;

/** Where a step's time goes, in each precision. */
export function profileReport({ profiles }: ProfileResult): string[] {
  return profiles.flatMap(stepLines);
}

function stepLines(profile: StepProfile): string[] {
  const { precision, steps, secondsPerStep, phases, convolutions, operators } = profile;
  const listed = operators.slice(0, LISTED);
  const rest = operators.slice(LISTED);
  const restSeconds = rest.reduce((sum, operator) => sum + operator.secondsPerStep, 0);
  const restRow = [
    'others',
    '',
    '',
    milliseconds(restSeconds),
    share(restSeconds / secondsPerStep),
  ];
  return [
    '',
    `${precision}: ${milliseconds(secondsPerStep)} ms per step, mean of ${count(steps, 'step')}`,
    '',
    ...tableLines([
      [...STEP_PHASES, 'other', 'in convolutions'],
      [...shares(phases), wholePercent(convolutions)],
    ]),
    '',
    ...tableLines([
      ['operator', 'phase', 'calls/step', 'ms/step', 'share'],
      ...listed.map(({ phase, name, callsPerStep, secondsPerStep: own, share: part }) => [
        name === phase ? 'outside of operators' : name,
        phase,
        callsPerStep.toFixed(0),
        milliseconds(own),
        share(part),
      ]),
      ...(rest.length > 0 ? [restRow] : []),
    ]),
  ];
}

function milliseconds(seconds: number): string {
  return (1000 * seconds).toFixed(1);
}

function share(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
