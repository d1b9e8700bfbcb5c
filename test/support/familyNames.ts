import type { Layout } from '#moco/model/backboneLayout.js';

/** What a network calls a tensor that the reference calls so. */
export type Rename = (reference: string) => string;

/** `layer1.0.downsample.0` for `f.3.0.downsample.0`. */
export const torchvisionName: Rename = (reference) => {
  const [, layer, ...rest] = reference.split('.') as [string, string, ...string[]];
  const names: Record<string, string> = { '0': 'conv1', '1': 'bn1' };
  return [names[layer] ?? `layer${Number(layer) - 2}`, ...rest].join('.');
};

/** As in many networks for CIFAR: `layer1.0.shortcut.0`. */
export const shortcutName: Rename = (reference) =>
  torchvisionName(reference).replace('.downsample.', '.shortcut.');

/** The names in a Sequential whose first stage has that number. */
export function sequentialName(firstStage: number, name: Rename = torchvisionName): Rename {
  const number = (layer: string) => String(Number(layer) + firstStage - 1);
  return (reference) =>
    name(reference)
      .replace(/^conv1/, '0')
      .replace(/^bn1/, '1')
      .replace(/^layer(\d)/, (_, layer) => number(layer));
}

/** A backbone with other names, and a prefix before them. */
export function renamed(layout: Layout, prefix: string, rename: Rename): Layout {
  return layout.map(({ name, shape }) => ({ name: prefix + rename(name), shape }));
}

/** A linear layer: `[out, in]` and `[out]`. */
export function linear(name: string, from: number, to: number): Layout {
  return [
    { name: `${name}.weight`, shape: [to, from] },
    { name: `${name}.bias`, shape: [to] },
  ];
}

/** BatchNorm after a linear layer. */
export function norm(name: string, channels: number): Layout {
  return ['weight', 'bias', 'running_mean', 'running_var'].map((kind) => {
    return { name: `${name}.${kind}`, shape: [channels] };
  });
}
