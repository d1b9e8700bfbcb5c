import { MocoError } from '../error.js';
import { DESCRIPTION_RECORD } from '../formats/pth.js';
import { readTensorFile } from '../formats/readTensorFile.js';
import type { StoredTensor, TensorFile } from '../formats/tensorFile.js';
import { type Architecture, architectureOf } from './architecture.js';
import { type Choice, chooseEncoder, typedPrefix, withDot } from './chooseEncoder.js';
import { toldStem } from './description.js';
import { encoderCandidates, type FoundEncoder, isFound, isReference } from './encoderCandidates.js';
import { encoderTensors, type LeftOut, tensorsUnder } from './encoderTensors.js';
import { misfitOf } from './misfit.js';
import { unreadLines } from './unread.js';
import { unseenNotes } from './unseen.js';

/**
 * `checkpoint`: of moco, to go on training. `encoder`: backbone and projection head. `linear model`:
 * backbone and classifier. `network`: anything else; its tensors have their own names.
 */
export type ModelKind = 'checkpoint' | 'encoder' | 'linear model' | 'backbone' | 'network';

/** The model in a file. */
export interface Model {
  readonly file: TensorFile;
  readonly kind: ModelKind;
  /** What all names of the model begin with in the file; `''` where they begin with nothing. */
  readonly prefix: string;
  /** Under the reference's names: `f.…` backbone, `g.…` projection head, `fc.…` classifier. */
  readonly tensors: readonly StoredTensor[];
  readonly leftOut: readonly LeftOut[];
  /** Undefined where the model is none of the ResNets that have a name. */
  readonly architecture: Architecture | undefined;
  /** What tensors do not show, and which encoder was taken; one sentence each. */
  readonly notes: readonly string[];
  /** Why a network is no ResNet that moco knows; undefined where it is one. */
  readonly misfit: string | undefined;
}

/** Where moco's own checkpoints have the encoder that is trained; the one under `key.` follows it. */
const CHECKPOINT_PREFIX = 'query.';

/**
 * Finds the model in a file of tensors: in PyTorch's `.pth` of any age or safetensors. It is the
 * ResNet in it, however deeply it is nested and wrapped, under the reference's names, torchvision's,
 * or the numbers of a Sequential; of several encoders, the one that is not a momentum copy; in a
 * checkpoint of moco, the query encoder. All commands find a model by this function.
 * @param prefix where the model is, if the user says so
 * @throws MocoError `ERR_MOCO_CHECKPOINT` for a file that cannot be read, holds no tensor or several
 * encoders, or has no ResNet under the prefix
 */
export async function readModel(path: string, prefix?: string): Promise<Model> {
  const file = await readTensorFile(path);
  if (file.tensors.length === 0) {
    const message = [`${path}: it holds no tensors`, ...unreadLines(file)].join('\n');
    throw new MocoError('ERR_MOCO_CHECKPOINT', message, {
      hint: 'Save a state dict: torch.save(model.state_dict(), "model.pth").',
    });
  }
  requireModel(file);
  if (isCheckpoint(file) && prefix === undefined) return checkpointModel(file);
  const tensors = under(file, prefix);
  const candidates = encoderCandidates(tensors);
  const choice = chooseEncoder(path, candidates.filter(isFound), prefix);
  if (choice !== undefined) return chosenModel(file, choice);
  const misfit = [misfitOf(tensors, candidates, file.opaque), ...unreadLines(file)].join('\n');
  if (prefix === undefined) return networkModel(file, misfit);
  const message = `${path} has no ResNet under ${typedPrefix(prefix)}: ${misfit}`;
  throw new MocoError('ERR_MOCO_CHECKPOINT', message, {
    hint: `Without --prefix, moco inspect ${path} tells what it finds.`,
  });
}

/** What moco's own files hold that are no models, by their `format`, and what reads them. */
const OTHERS: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  'moco-pictures': { what: 'packed pictures', hint: '`moco data info` tells of them.' },
  'moco-features': { what: 'features', hint: '`moco search` and `moco duplicates` read them.' },
};

function requireModel({ path, metadata }: TensorFile): void {
  const other = OTHERS[metadata.get('format') ?? ''];
  if (other === undefined) return;
  const message = `${path} holds ${other.what}, and no model`;
  throw new MocoError('ERR_MOCO_CHECKPOINT', message, { hint: other.hint });
}

function under({ path, tensors }: TensorFile, prefix: string | undefined): readonly StoredTensor[] {
  const start = withDot(prefix);
  if (start === undefined) return tensors;
  const found = tensors.filter(({ name }) => name.startsWith(start));
  if (found.length > 0) return found;
  const outermost = new Set(tensors.map(({ name }) => name.split('.')[0] as string));
  const names = [...outermost].slice(0, 8).map(typedPrefix).join(', ');
  const message = `${path}: no tensor's name begins with ${typedPrefix(start)}`;
  throw new MocoError('ERR_MOCO_CHECKPOINT', message, { hint: `The names begin with ${names}.` });
}

function checkpointModel(file: TensorFile): Model {
  const selection = tensorsUnder(file.tensors, CHECKPOINT_PREFIX);
  const architecture = withToldStem(architectureOf(selection.tensors), file);
  const prefix = CHECKPOINT_PREFIX;
  return {
    file,
    kind: 'checkpoint',
    prefix,
    ...selection,
    architecture,
    notes: [],
    misfit: undefined,
  };
}

function chosenModel(file: TensorFile, { encoder, copies }: Choice): Model {
  const { prefix } = encoder;
  const isOwn = isMocos(file, encoder);
  const selection = encoderTensors(file.tensors, encoder, isOwn);
  const names = file.tensors.map(({ name }) => name);
  const notes = [
    ...copies.map((copy) => {
      const place = typedPrefix(copy.prefix);
      return `the momentum copy of the encoder, in ${place}, is not taken: --prefix ${place} takes it`;
    }),
    ...(isOwn ? [] : unseenNotes(encoder, names)),
  ];
  const architecture = withToldStem(architectureOf(selection.tensors), file);
  const kind = kindOf(selection.tensors);
  return { file, kind, prefix, ...selection, architecture, notes, misfit: undefined };
}

/** Max-pooling after the stem, which no tensor shows, where the file says that it is there. */
function withToldStem(found: Architecture | undefined, file: TensorFile): Architecture | undefined {
  const hasPool = found?.stem === 'cifar' && toldStem(file) === 'cifar-pool';
  return found && hasPool ? { ...found, stem: 'cifar-pool' } : found;
}

/**
 * Whether moco or the reference made an encoder, also where it got torchvision's names: then no
 * convention is in doubt, and its heads are known.
 */
function isMocos({ tensors, metadata }: TensorFile, encoder: FoundEncoder): boolean {
  if (isReference(encoder) || metadata.has(DESCRIPTION_RECORD)) return true;
  const head = `${encoder.prefix}g.3.weight`;
  return tensors.some(({ name, shape }) => name === head && shape[1] === HEAD_WIDTH);
}

/** Values between the two linear layers of moco's projection head, `g.0` and `g.3`. */
const HEAD_WIDTH = 512;

function networkModel(file: TensorFile, misfit: string): Model {
  const { tensors } = file;
  const nothing = { prefix: '', leftOut: [], architecture: undefined, notes: [] };
  return { file, kind: 'network', tensors, ...nothing, misfit };
}

function isCheckpoint({ metadata }: TensorFile): boolean {
  return metadata.get('format') === 'moco-checkpoint';
}

function kindOf(tensors: readonly StoredTensor[]): ModelKind {
  if (tensors.some(({ name }) => name.startsWith('fc.'))) return 'linear model';
  return tensors.some(({ name }) => name.startsWith('g.')) ? 'encoder' : 'backbone';
}
