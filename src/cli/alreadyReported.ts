/** Ends a command where its output has said already what is wrong. */
export class AlreadyReported extends Error {
  constructor(readonly exitCode = 1) {
    super(`ended with exit code ${exitCode}`);
  }
}
