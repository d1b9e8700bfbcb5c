import { trainCommand } from './trainConfig.js';

/** The commands that take a configuration, by name. */
export const commands = { train: trainCommand } as const;

export type CommandName = keyof typeof commands;
