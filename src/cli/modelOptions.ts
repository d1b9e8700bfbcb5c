import { Option } from 'commander';
import { commands } from '../index.js';

/** `--prefix` of the commands without a configuration, with the words of those that have one. */
export function prefixOption(): Option {
  const { description } = commands.knn.schema.shape.prefix;
  return new Option('--prefix <text>', description);
}
