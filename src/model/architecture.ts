import {
  ARCHS,
  backboneLayout,
  blocksOf,
  FIRST_CHANNELS,
  type Layout,
  type Stem,
} from './backboneLayout.js';
import { type Deviation, deviationOf, deviationSize } from './deviation.js';
import { type Head, headOf } from './headLayout.js';

/** A backbone, as names and shapes tell it. */
export interface BackboneKind {
  /** `resnet18` … `resnet152`. */
  readonly arch: string;
  /** `cifar` also where max-pooling follows, which no tensor shows: only moco's own files say it. */
  readonly stem: Stem;
  /** Factor of every number of channels. */
  readonly width: number;
}

/** A ResNet, as names and shapes tell it. */
export interface Architecture extends BackboneKind {
  /** Length of the projection head's output; undefined where there is no such head. */
  readonly featureDim: number | undefined;
  /** Its layers. */
  readonly head: Head | undefined;
}

/** A backbone that tensors are compared with. */
export interface NearestBackbone extends BackboneKind {
  readonly deviation: Deviation;
}

/** Stems that tensors tell apart. */
const STEMS: readonly Stem[] = ['cifar', 'imagenet'];

/** Above it no network is recognised, and none trained. */
const WIDEST = 4;

/**
 * The ResNet that tensors under the reference's names are: of those `f.…` its backbone, `g.…` its
 * head. Undefined where they are none.
 */
export function architectureOf(layout: Layout): Architecture | undefined {
  const backbone = backboneKind(layout.filter(({ name }) => name.startsWith('f.')));
  const { featureDim, head } = headOf(layout) ?? {};
  return backbone && { ...backbone, featureDim, head };
}

/**
 * The backbone that tensors under the reference's names (`f.0`, `f.3` …) are: every tensor of it is
 * there in its shape, and no other one. Undefined where they are none.
 */
export function backboneKind(layout: Layout): BackboneKind | undefined {
  const blocks = [3, 4, 5, 6].map((stage) => blockNames(layout, stage).size).join();
  const archs = ARCHS.filter((arch) => blocksOf(arch).join() === blocks);
  const fit = comparisons(layout, archs).find(({ deviation }) => deviationSize(deviation) === 0);
  return fit && { arch: fit.arch, stem: fit.stem, width: fit.width };
}

/** The ResNet that differs from tensors under the reference's names in the fewest of them. */
export function nearestBackbone(layout: Layout): NearestBackbone {
  return comparisons(layout, ARCHS).reduce((nearest, next) =>
    deviationSize(next.deviation) < deviationSize(nearest.deviation) ? next : nearest,
  );
}

/** `ResNet-18` for `resnet18`, and `ResNet-18 of width 0.5`. */
export function architectureTitle(arch: string, width = 1): string {
  return `${arch.replace('resnet', 'ResNet-')}${width === 1 ? '' : ` of width ${width}`}`;
}

function comparisons(layout: Layout, archs: readonly string[]): NearestBackbone[] {
  return archs.flatMap((arch) =>
    STEMS.flatMap((stem) =>
      widthsLike(layout).map((width) => {
        const deviation = deviationOf(layout, backboneLayout(arch, stem, width));
        return { arch, stem, width, deviation };
      }),
    ),
  );
}

/** The usual width, and the one that the stem's channels tell, if that is possible. */
function widthsLike(layout: Layout): number[] {
  const channels = layout.find(({ name }) => name === 'f.0.weight')?.shape[0] ?? FIRST_CHANNELS;
  const width = channels / FIRST_CHANNELS;
  const isPossible = width !== 1 && width <= WIDEST && Number.isInteger(4 * width);
  return isPossible ? [1, width] : [1];
}

function blockNames(layout: Layout, stage: number): ReadonlySet<string | undefined> {
  const prefix = `f.${stage}.`;
  const within = layout.filter(({ name }) => name.startsWith(prefix));
  return new Set(within.map(({ name }) => name.slice(prefix.length).split('.')[0]));
}
