/** Ends a command with exit code 1 where its output has said already what is wrong. */
export class AlreadyReported extends Error {}
