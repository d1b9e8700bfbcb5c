import { MocoError } from '../error.js';
import { readTensorFile } from '../formats/readTensorFile.js';
import type { StoredTensor, TensorFile } from '../formats/tensorFile.js';
import { type Architecture, architectureOf } from './architecture.js';
import { encoderTensors, type LeftOut } from './encoderTensors.js';

/**
 * `checkpoint`: of moco, to go on training. `encoder`: backbone and projection head. `linear model`:
 * backbone and classifier. `network`: anything else; its tensors have their own names.
 */
export type ModelKind = 'checkpoint' | 'encoder' | 'linear model' | 'backbone' | 'network';

/** The model in a file. */
export interface Model {
  readonly file: TensorFile;
  readonly kind: ModelKind;
  /** Under the reference's names: `f.…` backbone, `g.…` projection head, `fc.…` classifier. */
  readonly tensors: readonly StoredTensor[];
  readonly leftOut: readonly LeftOut[];
  /** Undefined where the model is none of the ResNets that have a name. */
  readonly architecture: Architecture | undefined;
}

/**
 * Finds the model in a file of tensors: in PyTorch's `.pth` of any age or safetensors; plain, or
 * nested under `state_dict` or `model`, with the prefixes `module.` and `encoder_q.`; under the
 * reference's names or torchvision's; in a checkpoint of moco, the query encoder.
 * @throws MocoError `ERR_MOCO_CHECKPOINT` for a file that cannot be read or holds no tensor
 */
export async function readModel(path: string): Promise<Model> {
  const file = await readTensorFile(path);
  if (file.tensors.length === 0) {
    throw new MocoError('ERR_MOCO_CHECKPOINT', `${path}: it holds no tensors`, {
      hint: 'Save a state dict: torch.save(model.state_dict(), "model.pth").',
    });
  }
  const encoder = encoderTensors(file);
  if (encoder === undefined) {
    const { tensors } = file;
    return { file, kind: 'network', tensors, leftOut: [], architecture: undefined };
  }
  const { tensors, leftOut } = encoder;
  const architecture = architectureOf(tensors);
  return { file, kind: kindOf(file, tensors), tensors, leftOut, architecture };
}

function kindOf({ metadata }: TensorFile, tensors: readonly StoredTensor[]): ModelKind {
  if (metadata.get('format') === 'moco-checkpoint') return 'checkpoint';
  if (tensors.some(({ name }) => name.startsWith('fc.'))) return 'linear model';
  return tensors.some(({ name }) => name.startsWith('g.')) ? 'encoder' : 'backbone';
}
