import type { Layout, Stem } from '#moco/model/backboneLayout.js';

const DEPTHS: Readonly<Record<string, readonly number[]>> = {
  resnet18: [2, 2, 2, 2],
  resnet34: [3, 4, 6, 3],
  resnet50: [3, 4, 6, 3],
  resnet101: [3, 4, 23, 3],
};

/** Names and shapes of an encoder, as the addon's `encoderLayout` gives them. */
export function encoderLayout(arch: string, featureDim = 128, stem: Stem = 'cifar'): Layout {
  const isBottleneck = arch !== 'resnet18' && arch !== 'resnet34';
  const kernel = stem === 'cifar' ? 3 : 7;
  const layout = [...convolution('f.0', 3, 64, kernel), ...batchNorm('f.1', 64)];
  let channels = 64;
  for (const [stage, blocks] of (DEPTHS[arch] as readonly number[]).entries()) {
    const width = 64 << stage;
    const out = isBottleneck ? 4 * width : width;
    for (let block = 0; block < blocks; block++) {
      const name = `f.${stage + 3}.${block}`;
      const kernels = isBottleneck ? [1, 3, 1] : [3, 3];
      const widths = [channels, ...(isBottleneck ? [width, width, out] : [out, out])];
      for (const [index, kernel] of kernels.entries()) {
        const [from, to] = widths.slice(index, index + 2) as [number, number];
        layout.push(...convolution(`${name}.conv${index + 1}`, from, to, kernel));
        layout.push(...batchNorm(`${name}.bn${index + 1}`, to));
      }
      if (channels !== out || (stage > 0 && block === 0)) {
        layout.push(...convolution(`${name}.downsample.0`, channels, out, 1));
        layout.push(...batchNorm(`${name}.downsample.1`, out));
      }
      channels = out;
    }
  }
  const head = [
    { name: 'g.0.weight', shape: [512, channels] },
    ...batchNorm('g.1', 512),
    { name: 'g.3.weight', shape: [featureDim, 512] },
    { name: 'g.3.bias', shape: [featureDim] },
  ];
  return [...layout, ...head];
}

/** The same backbone under torchvision's names, with its classifier. */
export function torchvisionLayout(arch: string): Layout {
  const names: Record<string, string> = { '0': 'conv1', '1': 'bn1' };
  for (const stage of [1, 2, 3, 4]) names[stage + 2] = `layer${stage}`;
  const backbone = backboneOf(encoderLayout(arch, 128, 'imagenet')).map(({ name, shape }) => {
    const [, layer, ...rest] = name.split('.') as [string, string, ...string[]];
    return { name: [names[layer], ...rest].join('.'), shape };
  });
  const classifier = [
    { name: 'fc.weight', shape: [1000, arch === 'resnet18' ? 512 : 2048] },
    { name: 'fc.bias', shape: [1000] },
  ];
  return [...backbone, ...classifier];
}

export function backboneOf(layout: Layout): Layout {
  return layout.filter(({ name }) => name.startsWith('f.'));
}

/** The layout with a prefix before every name. */
export function prefixed(prefix: string, layout: Layout): Layout {
  return layout.map(({ name, shape }) => ({ name: prefix + name, shape }));
}

function convolution(name: string, from: number, to: number, kernel: number) {
  return [{ name: `${name}.weight`, shape: [to, from, kernel, kernel] }];
}

function batchNorm(name: string, channels: number) {
  return [
    ...['weight', 'bias', 'running_mean', 'running_var'].map((kind) => {
      return { name: `${name}.${kind}`, shape: [channels] };
    }),
    { name: `${name}.num_batches_tracked`, shape: [] as number[] },
  ];
}
