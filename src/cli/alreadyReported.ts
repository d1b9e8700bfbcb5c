/** Ends a command with exit code 1 whose output says already what is wrong. */
export class AlreadyReported extends Error {}
