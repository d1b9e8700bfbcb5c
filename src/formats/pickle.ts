import { FormatError, quoted } from './formatError.js';
import { PickleBytes } from './pickleBytes.js';
import {
  PickleCallable,
  type PickleDict,
  type PickledStorage,
  type PickleList,
  PickleTuple,
  type PickleValue,
} from './pickleValue.js';
import { findGlobal, findStorage } from './torchGlobals.js';

/** Values that one pickle may make; a training checkpoint of a ResNet-50 makes about 30,000. */
const MAX_VALUES = 1_000_000;

/** What a pickle holds. */
export interface Pickle {
  readonly value: PickleValue;
  /** Every storage that the pickle refers to, by key. */
  readonly storages: ReadonlyMap<string, PickledStorage>;
  /** Position of the first byte after the pickle. */
  readonly end: number;
}

/**
 * Reads a pickle of protocol 2 with the instructions that state dicts and training checkpoints
 * need, and no others. Nothing in it can run code: the few names that it may call are ours.
 * @param start position of the pickle's first byte
 * @throws FormatError that names the instruction or name that is not known
 */
export function readPickle(bytes: Buffer, start = 0): Pickle {
  return new PickleMachine(new PickleBytes(bytes, start)).run();
}

/** The stack machine that a pickle is a program for. */
class PickleMachine {
  readonly #bytes: PickleBytes;
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack at which open collections begin. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  readonly #storages = new Map<string, PickledStorage>();
  #values = 0;

  constructor(bytes: PickleBytes) {
    this.#bytes = bytes;
  }

  run(): Pickle {
    for (;;) {
      const at = this.#bytes.position;
      const opcode = this.#bytes.uint8();
      if (opcode === 0x2e) break; // STOP
      this.#execute(opcode, at);
    }
    const value = this.#pop();
    return { value, storages: this.#storages, end: this.#bytes.position };
  }

  /** Opcodes as Python's pickletools names them. */
  #execute(opcode: number, at: number): void {
    const bytes = this.#bytes;
    switch (opcode) {
      case 0x80: // PROTO
        requireProtocol2(bytes.uint8());
        break;
      case 0x63: // GLOBAL
        this.#push(findGlobal(`${bytes.line()}.${bytes.line()}`));
        break;
      case 0x51: // BINPERSID
        this.#pushStorage(findStorage(this.#pop()));
        break;
      case 0x52: // REDUCE
        this.#call();
        break;
      case 0x62: // BUILD
        this.#setAttributes();
        break;

      case 0x28: // MARK
        this.#mark();
        break;
      case 0x71: // BINPUT
        this.#remember(bytes.uint8());
        break;
      case 0x72: // LONG_BINPUT
        this.#remember(bytes.uint32());
        break;
      case 0x68: // BINGET
        this.#recall(bytes.uint8());
        break;
      case 0x6a: // LONG_BINGET
        this.#recall(bytes.uint32());
        break;

      case 0x29: // EMPTY_TUPLE
        this.#push(new PickleTuple([]));
        break;
      case 0x74: // TUPLE
        this.#push(new PickleTuple(this.#popToMark()));
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        this.#push(new PickleTuple(this.#popMany(opcode - 0x84)));
        break;
      case 0x5d: // EMPTY_LIST
        this.#push([]);
        break;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        break;
      case 0x65: // APPENDS
        this.#append(this.#popToMark());
        break;
      case 0x7d: // EMPTY_DICT
        this.#push(new Map());
        break;
      case 0x73: // SETITEM
        this.#setItems(this.#popMany(2));
        break;
      case 0x75: // SETITEMS
        this.#setItems(this.#popToMark());
        break;

      case 0x4e: // NONE
        this.#push(null);
        break;
      case 0x88: // NEWTRUE
        this.#push(true);
        break;
      case 0x89: // NEWFALSE
        this.#push(false);
        break;
      case 0x4a: // BININT
        this.#push(bytes.int32());
        break;
      case 0x4b: // BININT1
        this.#push(bytes.uint8());
        break;
      case 0x4d: // BININT2
        this.#push(bytes.uint16());
        break;
      case 0x8a: // LONG1
        this.#push(bytes.integer(bytes.uint8()));
        break;
      case 0x47: // BINFLOAT
        this.#push(bytes.float64());
        break;
      case 0x58: // BINUNICODE
        this.#push(bytes.text(bytes.uint32()));
        break;
      default:
        throw unknownInstruction(opcode, at);
    }
  }

  #push(value: PickleValue): void {
    this.#count();
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    const bottom = this.#marks.at(-1) ?? 0;
    if (this.#stack.length <= bottom) throw nothingThere(this.#bytes.position);
    return this.#stack.pop() as PickleValue;
  }

  #popMany(count: number): PickleValue[] {
    const values = Array.from({ length: count }, () => this.#pop());
    return values.reverse();
  }

  #mark(): void {
    this.#count();
    this.#marks.push(this.#stack.length);
  }

  #popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw nothingThere(this.#bytes.position);
    return this.#stack.splice(mark);
  }

  /** The value on top of the stack, which stays there. */
  #top(): PickleValue {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  #remember(place: number): void {
    this.#count();
    this.#memo.set(place, this.#top());
  }

  #recall(place: number): void {
    const value = this.#memo.get(place);
    if (value === undefined) throw nothingThere(this.#bytes.position);
    this.#push(value);
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw misplaced('a list', this.#bytes.position);
    for (const item of items) (list satisfies PickleList).push(item);
  }

  #setItems(keysAndValues: readonly PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map) || keysAndValues.length % 2 !== 0) {
      throw misplaced('a dictionary', this.#bytes.position);
    }
    for (let i = 0; i < keysAndValues.length; i += 2) {
      setNew(dict, keysAndValues[i] as PickleValue, keysAndValues[i + 1] as PickleValue);
    }
  }

  #call(): void {
    const [callable, args] = this.#popMany(2);
    if (!(callable instanceof PickleCallable) || !(args instanceof PickleTuple)) {
      throw misplaced('a call', this.#bytes.position);
    }
    this.#push(callable.call(args.items));
  }

  /** Checks and drops a state dict's attributes: the versions of its modules (`_metadata`). */
  #setAttributes(): void {
    const attributes = this.#pop();
    if (this.#top() instanceof Map && attributes instanceof Map) return;
    throw misplaced('attributes of a state dict', this.#bytes.position);
  }

  #pushStorage(storage: PickledStorage): void {
    const known = this.#storages.get(storage.key) ?? storage;
    if (known.dtype !== storage.dtype || known.elements !== storage.elements) {
      throw new FormatError('its pickle describes a storage in two ways');
    }
    this.#storages.set(storage.key, known);
    this.#push(known);
  }

  #count(): void {
    this.#values++;
    if (this.#values > MAX_VALUES) {
      throw new FormatError(`its pickle has more than ${MAX_VALUES} values`);
    }
  }
}

function setNew(dict: PickleDict, key: PickleValue, value: PickleValue): void {
  if (dict.has(key)) throw new FormatError(`its pickle sets a key twice: ${quoted(String(key))}`);
  dict.set(key, value);
}

function requireProtocol2(protocol: number): void {
  if (protocol === 2) return;
  const message = `it was written with pickle protocol ${protocol}, expected 2`;
  throw new FormatError(message, "Save it again with torch.save's own protocol.");
}

/** Instructions that make objects or run code, by opcode. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [0x50, 'PERSID'],
  [0x69, 'INST'],
  [0x6f, 'OBJ'],
  [0x81, 'NEWOBJ'],
  [0x82, 'EXT1'],
  [0x83, 'EXT2'],
  [0x84, 'EXT4'],
  [0x92, 'NEWOBJ_EX'],
  [0x93, 'STACK_GLOBAL'],
]);

function unknownInstruction(opcode: number, at: number): FormatError {
  const hexadecimal = `0x${opcode.toString(16).padStart(2, '0')}`;
  const refused = REFUSED.get(opcode);
  const name = refused === undefined ? hexadecimal : `${refused} (${hexadecimal})`;
  return new FormatError(
    `its pickle has the instruction ${name} at byte ${at}, which no state dict needs (nothing of it was run)`,
  );
}

function nothingThere(position: number): FormatError {
  return new FormatError(`its pickle takes a value where there is none, before byte ${position}`);
}

function misplaced(what: string, position: number): FormatError {
  return new FormatError(`its pickle has ${what} in the wrong place, before byte ${position}`);
}
