/** Where a set-up tells the user what it does. */
export interface Report {
  /** One finished line. */
  line(text: string): void;
  /**
   * What is going on right now; shown on a terminal only, and only until the next call.
   * @param fraction how much of it is done, from 0 to 1, where that is known
   */
  progress(text: string, fraction?: number): void;
}

/** A report that writes to a stream; standard error, as a rule, so that output stays clean. */
export function streamReport(stream: NodeJS.WriteStream): Report {
  const clear = stream.isTTY ? '\r\x1b[K' : '';
  return {
    line: (text) => {
      stream.write(`${clear}${text}\n`);
    },
    progress: (text) => {
      if (stream.isTTY) stream.write(clear + text.slice(0, stream.columns - 1));
    },
  };
}
