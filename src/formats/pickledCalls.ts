import { FormatError } from './formatError.js';
import {
  PickledObject,
  PickleGlobal,
  type PickleList,
  PickleTuple,
  type PickleValue,
} from './pickleValue.js';
import {
  rebuildCopy,
  rebuildFromType,
  rebuildParameter,
  rebuildTensor,
  rebuildUntypedTensor,
} from './torchTensors.js';

/** What stands for a call: the value, or undefined where these arguments have no such meaning. */
type Call = (args: readonly PickleValue[]) => PickleValue | undefined;

/** The few classes and functions that have a meaning here. */
const CALLS: ReadonlyMap<string, Call> = new Map<string, Call>([
  ['collections.OrderedDict', orderedDict],
  ['_codecs.encode', encode],
  ['builtins.bytearray', bytearray],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_tensor_v3', rebuildUntypedTensor],
  ['torch._utils._rebuild_parameter', rebuildParameter],
  ['torch._utils._rebuild_parameter_with_state', rebuildParameter],
  ['torch.nn.parameter.Parameter', rebuildParameter],
  ['torch._utils._rebuild_device_tensor_from_cpu_tensor', rebuildCopy],
]);

/** Calls that make a tensor by another call, and give it a class and attributes. */
const TYPED_CALLS: ReadonlySet<string> = new Set([
  'torch.tensor._rebuild_from_type',
  'torch._tensor._rebuild_from_type',
  'torch._tensor._rebuild_from_type_v2',
]);

/**
 * What a call in a pickle makes: a tensor, a dictionary or bytes where it is one of the few calls
 * that are known here, and else the description of the call. Nothing of Python's is run.
 * @throws FormatError for a known call with arguments that it cannot have
 */
export function valueOfCall(callable: PickleValue, args: readonly PickleValue[]): PickleValue {
  return knownValue(callable, args) ?? new PickledObject(callable, args);
}

function knownValue(callable: PickleValue, args: readonly PickleValue[]): PickleValue | undefined {
  if (!(callable instanceof PickleGlobal)) return undefined;
  if (!TYPED_CALLS.has(callable.name)) return CALLS.get(callable.name)?.(args);
  const [inner, , innerArgs, state = null] = args;
  if (!(inner instanceof PickleGlobal) || !(innerArgs instanceof PickleTuple)) return undefined;
  return rebuildFromType(CALLS.get(inner.name)?.(innerArgs.items), state);
}

/** Python 2 gives an OrderedDict its items as a list of pairs; since then they are set later. */
function orderedDict([items = []]: readonly PickleValue[]): PickleValue | undefined {
  if (!Array.isArray(items)) return undefined;
  const dict = new Map<PickleValue, PickleValue>();
  for (const pair of items as PickleList) {
    const [key, value] = pair instanceof PickleTuple ? pair.items : Array.isArray(pair) ? pair : [];
    if (key === undefined || value === undefined) {
      throw new FormatError('its pickle has an OrderedDict of other things than pairs');
    }
    dict.set(key, value);
  }
  return dict;
}

/** Protocol 2 has no bytes, and writes them as a text that is to be encoded. */
function encode([text, encoding]: readonly PickleValue[]): PickleValue | undefined {
  if (typeof text !== 'string' || encoding !== 'latin1') return undefined;
  return Buffer.from(text, 'latin1');
}

function bytearray([content = '', encoding]: readonly PickleValue[]): PickleValue | undefined {
  return content instanceof Buffer ? content : encode([content, encoding ?? 'latin1']);
}
