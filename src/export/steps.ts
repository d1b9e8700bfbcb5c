import type { HeadLayer } from '../model/headLayout.js';
import type { ConvNorm, ResidualBlock, ResNet } from './resnet.js';

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
 * @param head the layers of its projection head, if it has one
 * @param isFolded whether BatchNorm is folded into the layers before it, which then have a bias
 */
export function forwardPass(
  resnet: ResNet,
  head: readonly HeadLayer[] | undefined,
  isFolded: boolean,
): ForwardPass {
  return {
    backbone: backboneSteps(resnet, isFolded),
    head: head && headSteps(head, isFolded),
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

function headSteps(layers: readonly HeadLayer[], isFolded: boolean): Step[] {
  const steps: Step[] = [];
  for (const [index, { layer, norm }] of layers.entries()) {
    const input = index === 0 ? FEATURES : last(steps);
    const hasBias = isFolded || norm === undefined;
    steps.push(...withNorm({ op: 'linear', input, layer, hasBias, output: layer }, norm, isFolded));
    if (index === layers.length - 1) continue;
    steps.push({ op: 'relu', input: last(steps), output: `${layer}.relu` });
  }
  const [end] = steps.splice(-1) as [Step];
  return [...steps, { ...end, output: PROJECTION }];
}

function convNorm(convolution: ConvNorm, input: string, isFolded: boolean): Step[] {
  const { layer, stride, padding } = convolution;
  const of = { input, layer, stride, padding, hasBias: isFolded, output: layer };
  return withNorm({ op: 'convolution', ...of }, convolution.norm, isFolded);
}

function withNorm(step: Step, norm: string | undefined, isFolded: boolean): Step[] {
  if (isFolded || norm === undefined) return [step];
  return [step, { op: 'norm', input: step.output, layer: norm, output: norm }];
}

/** What the last step gives. */
function last(steps: readonly Step[]): string {
  return (steps.at(-1) as Step).output;
}
