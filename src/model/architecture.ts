import {
  ARCHS,
  backboneLayout,
  blocksOf,
  type Layout,
  STEMS,
  type Stem,
} from './backboneLayout.js';
import { type Deviation, deviationOf, deviationSize } from './deviation.js';

/** A backbone, as names and shapes tell it. */
export interface BackboneKind {
  /** `resnet18` … `resnet152`; moco itself has those up to `resnet50`. */
  readonly arch: string;
  readonly stem: Stem;
}

/** A ResNet, as names and shapes tell it. */
export interface Architecture extends BackboneKind {
  /** Length of the projection head's output; undefined where there is no such head. */
  readonly featureDim: number | undefined;
}

/** A backbone that tensors are compared with. */
export interface NearestBackbone extends BackboneKind {
  readonly deviation: Deviation;
}

export const SUPPORTED_ARCHS = ['resnet18', 'resnet34', 'resnet50'];

/**
 * The ResNet that tensors under the reference's names are: of those `f.…` its backbone, `g.…` its
 * head. Undefined where they are none.
 */
export function architectureOf(layout: Layout): Architecture | undefined {
  const backbone = backboneKind(layout.filter(({ name }) => name.startsWith('f.')));
  const featureDim = layout.find(({ name }) => name === 'g.3.weight')?.shape[0];
  return backbone && { ...backbone, featureDim };
}

/**
 * The backbone that tensors under the reference's names (`f.0`, `f.3` …) are: every tensor of it is
 * there in its shape, and no other one. Undefined where they are none.
 */
export function backboneKind(layout: Layout): BackboneKind | undefined {
  const blocks = [3, 4, 5, 6].map((stage) => blockNames(layout, stage).size).join();
  const archs = ARCHS.filter((arch) => blocksOf(arch).join() === blocks);
  const fit = comparisons(layout, archs).find(({ deviation }) => deviationSize(deviation) === 0);
  return fit && { arch: fit.arch, stem: fit.stem };
}

/** The ResNet that differs from tensors under the reference's names in the fewest of them. */
export function nearestBackbone(layout: Layout): NearestBackbone {
  return comparisons(layout, ARCHS).reduce((nearest, next) =>
    deviationSize(next.deviation) < deviationSize(nearest.deviation) ? next : nearest,
  );
}

/** `ResNet-18` for `resnet18`. */
export function architectureTitle(arch: string): string {
  return arch.replace('resnet', 'ResNet-');
}

function comparisons(layout: Layout, archs: readonly string[]): NearestBackbone[] {
  return archs.flatMap((arch) =>
    STEMS.map((stem) => {
      return { arch, stem, deviation: deviationOf(layout, backboneLayout(arch, stem)) };
    }),
  );
}

function blockNames(layout: Layout, stage: number): ReadonlySet<string | undefined> {
  const prefix = `f.${stage}.`;
  const within = layout.filter(({ name }) => name.startsWith(prefix));
  return new Set(within.map(({ name }) => name.slice(prefix.length).split('.')[0]));
}
