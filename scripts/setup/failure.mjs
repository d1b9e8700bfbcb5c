/**
 * A failure for the user to solve: like a `MocoError`, which is not compiled yet when this occurs.
 */
export class SetupFailure extends Error {
  code = 'ERR_MOCO_TOOLCHAIN';

  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}
