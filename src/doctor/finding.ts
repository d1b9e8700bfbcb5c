/** What was found out about one thing that moco needs or can use. */
export interface Finding {
  /** E.g. `addon`, `output folder`. */
  readonly subject: string;
  /** `note`: works, but could be better or will need something; `bad`: moco does not work so. */
  readonly state: 'good' | 'note' | 'bad';
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** What the message is made from, for programs. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** `15.7 GB` */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
