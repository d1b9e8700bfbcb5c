import type { EventOutput, RunText } from './eventText.js';
import { InputBars } from './inputBars.js';
import { LinesOutput } from './linesOutput.js';
import { TerminalOutput } from './terminalOutput.js';

/** What a command prints while it runs. */
export interface RunOutput<Event> extends Disposable {
  show(event: Event): void;
  /** What the API tells before the first event. */
  readonly listeners: InputBars['listeners'];
}

/** Live lines on a terminal, plain lines elsewhere, or one JSON object per event. */
export function runOutput<Event>(format: 'text' | 'json', text: RunText<Event>): RunOutput<Event> {
  const events = eventOutput(format, text);
  const bars = new InputBars();
  return {
    show(event) {
      bars[Symbol.dispose]();
      events.show(event);
    },
    listeners: bars.listeners,
    [Symbol.dispose]() {
      bars[Symbol.dispose]();
      events[Symbol.dispose]();
    },
  };
}

function eventOutput<Event>(format: 'text' | 'json', text: RunText<Event>): EventOutput<Event> {
  if (format === 'text') {
    return process.stdout.isTTY ? new TerminalOutput(text) : new LinesOutput(text);
  }
  return { show: (event) => console.log(JSON.stringify(event)), [Symbol.dispose]() {} };
}
