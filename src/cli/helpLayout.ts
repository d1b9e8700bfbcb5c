import { Help, type HelpConfiguration } from 'commander';

/** Width of the column of flags and commands, in characters. */
const TERM_WIDTH = 30;

/**
 * How help is laid out: a term that is longer than its column stands on a line of its own, so that one
 * long list of choices does not push all descriptions out of sight.
 */
export const HELP_LAYOUT: HelpConfiguration = {
  padWidth: () => TERM_WIDTH,
  formatItem(this: Help, term, width, description, helper) {
    const format = Help.prototype.formatItem.bind(this);
    if (helper.displayWidth(term) <= width) return format(term, width, description, helper);
    return `${format(term, width, '', helper)}\n${format('', width, description, helper)}`;
  },
};
