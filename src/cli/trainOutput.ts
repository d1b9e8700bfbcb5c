import type { DownloadProgress, TrainEvent } from '../index.js';
import { DownloadBar } from './downloadBar.js';
import { LinesOutput } from './linesOutput.js';
import { TerminalOutput } from './terminalOutput.js';

/** What `moco train` prints. */
export interface TrainOutput extends Disposable {
  show(event: TrainEvent): void;
  showDownload(progress: DownloadProgress): void;
}

/** Where a run's events go. */
export interface EventOutput extends Disposable {
  show(event: TrainEvent): void;
}

/** Live lines on a terminal, plain lines elsewhere, or one JSON object per event. */
export function trainOutput(format: 'text' | 'json'): TrainOutput {
  const events = eventOutput(format);
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

function eventOutput(format: 'text' | 'json'): EventOutput {
  if (format === 'text') return process.stdout.isTTY ? new TerminalOutput() : new LinesOutput();
  return { show: (event) => console.log(JSON.stringify(event)), [Symbol.dispose]() {} };
}
