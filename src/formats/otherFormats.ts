import { FormatError, quoted } from './formatError.js';

/** A kind of file that is often taken for a model, and is none that can be read. */
interface OtherFormat {
  /** Whether a text begins as such files do; of a file's bytes it has one character for each. */
  readonly is: (start: string) => boolean;
  readonly what: string;
  readonly hint: string;
}

const FROM_PYTHON =
  'Load it in Python and save its state dict: torch.save(model.state_dict(), "model.pth").';

const UNPACK = 'Unpack it, and name the file in it.';

const OF_OTHERS = `moco reads models of PyTorch. ${FROM_PYTHON}`;

const EXPECTED = "Expected PyTorch's .pth (of torch.save) or safetensors.";

const GET_FILE = 'Get it again from the address of the file itself, and look at what arrives.';

const OTHER_FORMATS: readonly OtherFormat[] = [
  {
    is: begins('version https://git-lfs'),
    what: 'a pointer of Git LFS, and not the file that it stands for',
    hint: 'Fetch that with: git lfs pull.',
  },
  { is: fits(/^\s*<(?:!doctype\s+html|html|head|body)/i), what: 'a web page', hint: GET_FILE },
  { is: fits(/^\s*<[?!\w]/), what: 'XML, as servers answer with errors', hint: GET_FILE },
  {
    is: fits(/^\s*\{.*"weight_map"/s),
    what: 'the index of a model in several files',
    hint: `moco reads models in one file. ${FROM_PYTHON}`,
  },
  { is: fits(/^\s*[{[]\s*["{[]/), what: 'JSON', hint: GET_FILE },
  { is: begins('\x1f\x8b'), what: 'compressed with gzip', hint: UNPACK },
  { is: begins('\xfd7zXZ\0'), what: 'compressed with xz', hint: UNPACK },
  { is: fits(/^BZh[1-9]/), what: 'compressed with bzip2', hint: UNPACK },
  { is: begins('\x28\xb5\x2f\xfd'), what: 'compressed with zstd', hint: UNPACK },
  { is: begins('7z\xbc\xaf\x27\x1c'), what: 'a 7z archive', hint: UNPACK },
  {
    is: (start) => isTar(start) && /^(?:sys_info|pickle|storages|tensors)\b/.test(start),
    what: 'a tar archive, as PyTorch wrote until 2017',
    hint: FROM_PYTHON,
  },
  { is: isTar, what: 'a tar archive', hint: UNPACK },
  { is: begins('\x89HDF\r\n'), what: 'an HDF5 file, as Keras writes (.h5)', hint: OF_OTHERS },
  { is: begins('\x93NUMPY'), what: 'an array of NumPy (.npy)', hint: FROM_PYTHON },
  { is: begins('GGUF'), what: 'a GGUF file', hint: OF_OTHERS },
  {
    is: (start) => start.startsWith('TFL3', 4),
    what: 'a model of TensorFlow Lite',
    hint: OF_OTHERS,
  },
  {
    is: begins('model_checkpoint_path:'),
    what: "TensorFlow's list of checkpoints",
    hint: OF_OTHERS,
  },
  { is: begins('\x08\x01\x12'), what: 'a SavedModel of TensorFlow', hint: OF_OTHERS },
  { is: isOnnx, what: 'a model in ONNX', hint: OF_OTHERS },
  { is: begins('\x89PNG', '\xff\xd8\xff'), what: 'a picture', hint: 'Name a model file.' },
];

/** Zip archives of other programs, by the name of a file in them. */
const OTHER_ARCHIVES: readonly OtherFormat[] = [
  {
    is: fits(/^[^/]+\/(?:constants\.pkl|code\/)/),
    what: 'a TorchScript program, not a state dict',
    hint: 'Save its state dict: torch.save(torch.jit.load("…").state_dict(), "model.pth").',
  },
  {
    is: fits(/(?:^|\/)(?:archive_format|serialized_exported_program\.json)$/),
    what: 'a program of torch.export (.pt2), not a state dict',
    hint: 'Save its state dict: torch.save(torch.export.load("…").state_dict, "model.pth").',
  },
  { is: fits(/(?:^|\/)model\.weights\.h5$/), what: 'a model of Keras', hint: OF_OTHERS },
  { is: fits(/\.npy$/), what: 'an archive of NumPy (.npz)', hint: FROM_PYTHON },
  { is: fits(/\.(?:pth|pt|ckpt|bin|safetensors|tar)$/), what: 'a zip archive', hint: UNPACK },
];

/** Names of files that an error shows. */
const LISTED = 3;

/**
 * What is wrong with a file that is no model, by its first bytes.
 * @param start one character for each of its first bytes
 */
export function notAModel(start: string): FormatError {
  const other = OTHER_FORMATS.find(({ is }) => is(start));
  if (other !== undefined) return new FormatError(`it is ${other.what}`, other.hint);
  return new FormatError('it is not a file of tensors, going by its first bytes', EXPECTED);
}

/** What a zip archive is where it is of another program; undefined where no name in it tells. */
export function otherArchive(names: readonly string[]): FormatError | undefined {
  for (const { is, what, hint } of OTHER_ARCHIVES) {
    const name = names.find(is);
    if (name !== undefined) return new FormatError(`it is ${what}: ${quoted(name)} is in it`, hint);
  }
  return undefined;
}

/** A zip archive without what torch.save writes into its own. */
export function unknownArchive(names: readonly string[]): FormatError {
  const more = names.length > LISTED ? ' …' : '';
  const shown = `holds ${names.slice(0, LISTED).map(quoted).join(', ')}${more}`;
  const held = names.length === 0 ? 'is empty' : shown;
  return new FormatError(`it is a zip archive, but not one of torch.save: it ${held}`, EXPECTED);
}

function begins(...starts: string[]): OtherFormat['is'] {
  return (text) => starts.some((start) => text.startsWith(start));
}

function fits(pattern: RegExp): OtherFormat['is'] {
  return (text) => pattern.test(text);
}

function isTar(start: string): boolean {
  return start.startsWith('ustar', 257);
}

/** A message of protocol buffers: the version first, then the producer, its version or the graph. */
function isOnnx(start: string): boolean {
  const version = start.charCodeAt(1);
  return (
    start[0] === '\x08' && version >= 3 && version < 32 && '\x12\x1a:B'.includes(start.charAt(2))
  );
}
