/** How a network names the layers of its ResNet. */
export interface Naming {
  /** `names`: as torchvision does (`conv1`, `layer1` …). `numbers`: layers lie in a Sequential. */
  readonly style: 'names' | 'numbers';
  /** The reference's names (`f.0`, `f.3` …) by the network's own (`conv1`, `layer1` …; `0`, `4` …). */
  readonly layers: ReadonlyMap<string, string>;
  /** What a block's shortcut is called: `downsample`, or `shortcut` in networks made for CIFAR. */
  readonly shortcut: string;
}

/** The reference's name of a block's shortcut. */
const SHORTCUT = 'downsample';

/** Layers before the stages: the stem's convolution and its BatchNorm. */
const STEM = ['f.0', 'f.1'] as const;

const STAGES = ['f.3', 'f.4', 'f.5', 'f.6'] as const;

/** torchvision's names; nearly everybody who does not number the layers has them. */
export const TORCHVISION: Naming = {
  style: 'names',
  layers: new Map([
    ['conv1', STEM[0]],
    ['bn1', STEM[1]],
    ...STAGES.map((stage, index) => [`layer${index + 1}`, stage] as const),
  ]),
  shortcut: SHORTCUT,
};

/** The names that layers in a Sequential have: stem, and four stages in a row. */
export function numberedNaming(firstStage: number): Naming {
  const stages = STAGES.map((stage, index) => [String(firstStage + index), stage] as const);
  const layers = new Map<string, string>([['0', STEM[0]], ['1', STEM[1]], ...stages]);
  return { style: 'numbers', layers, shortcut: SHORTCUT };
}

/** The number of the first stage in a Sequential. */
export function firstStageOf({ layers }: Naming): number {
  return Number([...layers].find(([, reference]) => reference === STAGES[0])?.[0]);
}

/**
 * The reference's name of a network's tensor. What lies between the layers and is none of them
 * keeps its own name, since it takes part in what is computed.
 * @returns undefined for what comes after the backbone, such as a head
 */
export function referenceName(naming: Naming, name: string): string | undefined {
  const [layer, ...rest] = name.split('.') as [string, ...string[]];
  const known = naming.layers.get(layer);
  if (known === undefined) return isInside(naming, layer) ? name : undefined;
  // A block's shortcut: f.3.0.downsample.0.weight.
  if (rest[1] === naming.shortcut) rest[1] = SHORTCUT;
  return [known, ...rest].join('.');
}

/** A network's own name of a tensor, by the reference's. */
export function ownName(naming: Naming, reference: string): string {
  for (const [own, known] of naming.layers) {
    if (!reference.startsWith(`${known}.`)) continue;
    const rest = reference.slice(known.length).split('.');
    if (rest[2] === SHORTCUT) rest[2] = naming.shortcut;
    return own + rest.join('.');
  }
  return reference;
}

function isInside({ style, layers }: Naming, layer: string): boolean {
  if (style === 'names') return /^((conv|bn|layer)\d+|stem|p?relu\d*|act\d*)$/.test(layer);
  const last = [...layers.keys()].at(-1);
  return /^\d+$/.test(layer) && Number(layer) < Number(last);
}
