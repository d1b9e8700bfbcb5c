import type { DownloadProgress } from '../index.js';
import { DownloadBar } from './downloadBar.js';
import { LinesOutput } from './linesOutput.js';
import { TerminalOutput } from './terminalOutput.js';

/** What a command prints while it runs. */
export interface RunOutput<Event> extends Disposable {
  show(event: Event): void;
  showDownload(progress: DownloadProgress): void;
}

/** Where a run's events go. */
export interface EventOutput<Event> extends Disposable {
  show(event: Event): void;
}

/** How a run's events read. */
export interface RunText<Event> {
  textOf(event: Event): EventText;
}

/** What one event reads like; nothing where it is not worth a word. */
export interface EventText {
  /** Lines that stay. */
  readonly lines?: readonly string[];
  /** For standard error. */
  readonly warning?: string;
  /** Stands on a terminal until the next line. */
  readonly live?: string;
  /** A bar on a terminal, a line now and then elsewhere. */
  readonly progress?: StepProgress;
}

export interface StepProgress {
  /** `epoch 3/500` */
  readonly title: string;
  /** From 1. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  readonly metrics: string;
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
