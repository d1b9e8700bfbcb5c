/** A model file was written: the query encoder, or a linear model. */
export interface ModelEvent {
  readonly type: 'model';
  readonly kind: 'best' | 'last';
  /** Epochs trained; 0: before the first, the random parameters. */
  readonly epoch: number;
  readonly path: string;
}

/** Something that the user should know and that does not stop the run. */
export interface WarningEvent {
  readonly type: 'warning';
  readonly message: string;
}
