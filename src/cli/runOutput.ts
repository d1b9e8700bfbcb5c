import type { DownloadProgress } from '../index.js';
import { DownloadBar } from './downloadBar.js';
import type { EventOutput, RunText } from './eventText.js';
import { LinesOutput } from './linesOutput.js';
import { TerminalOutput } from './terminalOutput.js';

/** What a command prints while it runs. */
export interface RunOutput<Event> extends Disposable {
  show(event: Event): void;
  showDownload(progress: DownloadProgress): void;
}

/** Live lines on a terminal, plain lines elsewhere, or one JSON object per event. */
export function runOutput<Event>(format: 'text' | 'json', text: RunText<Event>): RunOutput<Event> {
  const events = eventOutput(format, text);
  const download = new DownloadBar();
  return {
    show(event) {
      download[Symbol.dispose]();
      events.show(event);
    },
    showDownload: (progress) => download.show(progress),
    [Symbol.dispose]() {
      download[Symbol.dispose]();
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
