/**
 * The C++ tests that run on an emulated processor. They take minutes there; all of them would take
 * hours, most of it for whole networks, whose layers these test one by one, and which the training
 * that follows goes through.
 */
export const EMULATED_TESTS = [];
