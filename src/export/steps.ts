import {
  type ConvNorm,
  HEAD,
  type NormedLayer,
  type ResidualBlock,
  type ResNet,
} from './resnet.js';

/** One operation of a forward pass. Values have names; `layer` is what the names of tensors begin with. */
export type Step = { readonly output: string } & (
  | {
      readonly op: 'convolution';
      readonly input: string;
      readonly layer: string;
      readonly stride: number;
      readonly padding: number;
      readonly hasBias: boolean;
    }
  | {
      readonly op: 'linear';
      readonly input: string;
      readonly layer: string;
      readonly hasBias: boolean;
    }
  | { readonly op: 'norm'; readonly input: string; readonly layer: string }
  | { readonly op: 'relu' | 'maxPool' | 'mean'; readonly input: string }
  | { readonly op: 'add'; readonly input: string; readonly other: string }
);

/** What is computed, from the value `INPUT` to `FEATURES` and, where there is a head, `PROJECTION`. */
export interface ForwardPass {
  readonly backbone: readonly Step[];
  /** Undefined where the model has no projection head. */
  readonly head: readonly Step[] | undefined;
}

/** (B, 3, H, W), normalised. */
export const INPUT = 'pixel_values';
/** (B, C), the mean over all positions. */
export const FEATURES = 'features';
/** (B, D), what the projection head makes of the features; not normalised. */
export const PROJECTION = 'projection';

/**
 * The steps of a ResNet in evaluation mode.
 * @param isFolded whether BatchNorm is folded into the layers before it, which then have a bias
 */
export function forwardPass(resnet: ResNet, hasHead: boolean, isFolded: boolean): ForwardPass {
  return {
    backbone: backboneSteps(resnet, isFolded),
    head: hasHead ? headSteps(isFolded) : undefined,
  };
}

function backboneSteps({ stem, hasMaxPool, blocks }: ResNet, isFolded: boolean): Step[] {
  const steps = convNorm(stem, INPUT, isFolded);
  steps.push({ op: 'relu', input: last(steps), output: 'stem' });
  if (hasMaxPool) steps.push({ op: 'maxPool', input: 'stem', output: 'stem.pool' });
  for (const block of blocks) steps.push(...blockSteps(block, last(steps), isFolded));
  steps.push({ op: 'mean', input: last(steps), output: FEATURES });
  return steps;
}

function blockSteps(
  { name, body, shortcut }: ResidualBlock,
  input: string,
  isFolded: boolean,
): Step[] {
  const steps: Step[] = [];
  for (const [index, layer] of body.entries()) {
    steps.push(...convNorm(layer, index === 0 ? input : last(steps), isFolded));
    if (index === body.length - 1) continue;
    steps.push({ op: 'relu', input: last(steps), output: `${layer.layer}.relu` });
  }
  const main = last(steps);
  if (shortcut !== undefined) steps.push(...convNorm(shortcut, input, isFolded));
  const other = shortcut === undefined ? input : last(steps);
  steps.push({ op: 'add', input: main, other, output: `${name}.sum` });
  steps.push({ op: 'relu', input: `${name}.sum`, output: name });
  return steps;
}

function headSteps(isFolded: boolean): Step[] {
  const { hidden, output } = HEAD;
  const { layer } = hidden;
  const linear = {
    op: 'linear',
    input: FEATURES,
    layer,
    hasBias: isFolded,
    output: layer,
  } as const;
  const steps = withNorm(linear, hidden, isFolded);
  steps.push({ op: 'relu', input: last(steps), output: `${layer}.relu` });
  const relu = last(steps);
  steps.push({ op: 'linear', input: relu, layer: output, hasBias: true, output: PROJECTION });
  return steps;
}

function convNorm(convolution: ConvNorm, input: string, isFolded: boolean): Step[] {
  const { layer, stride, padding } = convolution;
  const of = { input, layer, stride, padding, hasBias: isFolded, output: layer };
  return withNorm({ op: 'convolution', ...of }, convolution, isFolded);
}

function withNorm(step: Step, { layer, norm }: NormedLayer, isFolded: boolean): Step[] {
  return isFolded ? [step] : [step, { op: 'norm', input: layer, layer: norm, output: norm }];
}

/** What the last step gives. */
function last(steps: readonly Step[]): string {
  return (steps.at(-1) as Step).output;
}
