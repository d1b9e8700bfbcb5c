import { FormatError, quoted } from './formatError.js';
import { PickleBytes } from './pickleBytes.js';
import { valueOfCall } from './pickledCalls.js';
import { PickleStack } from './pickleStack.js';
import {
  PickledObject,
  type PickledStorage,
  PickleGlobal,
  PickleTuple,
  type PickleValue,
} from './pickleValue.js';
import { findStorage } from './torchTensors.js';

/** Characters that the name of a class or function may have, with that of its module. */
const MAX_NAME = 1000;

/** Bytes that an integer may have. */
const MAX_INTEGER = 1000;

const [FIRST_PROTOCOL, LAST_PROTOCOL] = [2, 5];

const SAVE_AGAIN = "Save it again with torch.save's own protocol.";

/** Python's modules by their names in Python 2, which protocol 2 keeps. */
const MODULES: Readonly<Record<string, string>> = {
  __builtin__: 'builtins',
  copy_reg: 'copyreg',
};

/** What a pickle holds. */
export interface Pickle {
  readonly value: PickleValue;
  /** Every storage that the pickle refers to, by key. */
  readonly storages: ReadonlyMap<string, PickledStorage>;
  /** Position of the first byte after the pickle. */
  readonly end: number;
}

export interface PickleOptions {
  /** Position of the pickle's first byte; 0 by default. */
  readonly start?: number;
  /**
   * What becomes of the `str`s of Python 2, which may be texts or bytes. `utf8`: a text, or bytes
   * where it is none (the default); `latin1`: a text with a character for every byte.
   */
  readonly strings?: 'utf8' | 'latin1';
}

/**
 * Reads a pickle of protocol 2 to 5. Tensors, dictionaries, lists, numbers … become values; what
 * else the pickle would have Python make stays a description (`PickledObject`). No class or function
 * is looked up, and none is called.
 * @throws FormatError where the pickle is damaged, of another protocol, or too large
 */
export function readPickle(bytes: Buffer, { start = 0, strings }: PickleOptions = {}): Pickle {
  return new PickleMachine(new PickleBytes(bytes, start), strings ?? 'utf8').run();
}

/** The stack machine that a pickle is a program for. */
class PickleMachine {
  readonly #bytes: PickleBytes;
  readonly #strings: 'utf8' | 'latin1';
  readonly #stack = new PickleStack();
  readonly #storages = new Map<string, PickledStorage>();

  constructor(bytes: PickleBytes, strings: 'utf8' | 'latin1') {
    this.#bytes = bytes;
    this.#strings = strings;
  }

  run(): Pickle {
    for (;;) {
      const at = this.#bytes.position;
      const opcode = this.#bytes.uint8();
      if (opcode === 0x2e) break; // STOP
      this.#execute(opcode, at);
    }
    const value = this.#stack.pop();
    return { value, storages: this.#storages, end: this.#bytes.position };
  }

  /** Opcodes as Python's pickletools names them. */
  #execute(opcode: number, at: number): void {
    const [bytes, stack] = [this.#bytes, this.#stack];
    switch (opcode) {
      case 0x80: // PROTO
        requireProtocol(bytes.uint8());
        break;
      case 0x95: // FRAME
        bytes.uint64();
        break;

      case 0x63: // GLOBAL
        stack.push(globalOf(bytes.line(), bytes.line()));
        break;
      case 0x93: // STACK_GLOBAL
        this.#pushGlobal();
        break;
      case 0x51: // BINPERSID
        stack.push(this.#persistent(stack.pop()));
        break;
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        this.#call(stack.popMany(2));
        break;
      case 0x92: // NEWOBJ_EX, with arguments by name as third
        this.#call(stack.popMany(3));
        break;
      case 0x6f: // OBJ
        this.#callOf(stack.popToMark());
        break;
      case 0x62: // BUILD
        this.#setState(stack.pop());
        break;

      case 0x28: // MARK
        stack.mark();
        break;
      case 0x30: // POP
        stack.pop();
        break;
      case 0x31: // POP_MARK
        stack.popToMark();
        break;
      case 0x32: // DUP
        stack.push(stack.top());
        break;
      case 0x71: // BINPUT
        stack.remember(bytes.uint8());
        break;
      case 0x72: // LONG_BINPUT
        stack.remember(bytes.uint32());
        break;
      case 0x94: // MEMOIZE
        stack.remember();
        break;
      case 0x68: // BINGET
        stack.recall(bytes.uint8());
        break;
      case 0x6a: // LONG_BINGET
        stack.recall(bytes.uint32());
        break;

      case 0x29: // EMPTY_TUPLE
        stack.push(new PickleTuple([]));
        break;
      case 0x74: // TUPLE
        stack.push(new PickleTuple(stack.popToMark()));
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        stack.push(new PickleTuple(stack.popMany(opcode - 0x84)));
        break;
      case 0x5d: // EMPTY_LIST
        stack.push([]);
        break;
      case 0x6c: // LIST
        stack.push(stack.popToMark());
        break;
      case 0x61: // APPEND
        this.#append([stack.pop()]);
        break;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS, of sets
        this.#append(stack.popToMark());
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x64: // DICT
        this.#pushDict(stack.popToMark());
        break;
      case 0x73: // SETITEM
        this.#setItems(stack.popMany(2));
        break;
      case 0x75: // SETITEMS
        this.#setItems(stack.popToMark());
        break;
      case 0x8f: // EMPTY_SET
        stack.push(new PickledObject(new PickleGlobal('builtins.set'), []));
        break;
      case 0x91: // FROZENSET
        stack.push(new PickledObject(new PickleGlobal('builtins.frozenset'), stack.popToMark()));
        break;

      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4a: // BININT
        stack.push(bytes.int32());
        break;
      case 0x4b: // BININT1
        stack.push(bytes.uint8());
        break;
      case 0x4d: // BININT2
        stack.push(bytes.uint16());
        break;
      case 0x8a: // LONG1
        stack.push(bytes.integer(bytes.uint8()));
        break;
      case 0x8b: // LONG4
        stack.push(bytes.integer(requireFew(bytes.uint32())));
        break;
      case 0x47: // BINFLOAT
        stack.push(bytes.float64());
        break;

      case 0x58: // BINUNICODE
        stack.push(bytes.text(bytes.uint32()));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(bytes.text(bytes.uint8()));
        break;
      case 0x8d: // BINUNICODE8
        stack.push(bytes.text(bytes.uint64()));
        break;
      case 0x54: // BINSTRING
        this.#pushString(bytes.uint32());
        break;
      case 0x55: // SHORT_BINSTRING
        this.#pushString(bytes.uint8());
        break;
      case 0x42: // BINBYTES
        stack.push(bytes.bytes(bytes.uint32()));
        break;
      case 0x43: // SHORT_BINBYTES
        stack.push(bytes.bytes(bytes.uint8()));
        break;
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        stack.push(bytes.bytes(bytes.uint64()));
        break;
      default:
        throw unknownInstruction(opcode, at);
    }
  }

  #pushGlobal(): void {
    const [module, name] = this.#stack.popMany(2);
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw misplaced('a name', this.#bytes.position);
    }
    if (module.length + name.length > MAX_NAME) {
      throw new FormatError(`its pickle has an endless name before byte ${this.#bytes.position}`);
    }
    this.#stack.push(globalOf(module, name));
  }

  /** A `str` of Python 2. */
  #pushString(length: number): void {
    const bytes = this.#bytes;
    const isLatin1 = this.#strings === 'latin1';
    this.#stack.push(isLatin1 ? bytes.bytes(length).toString('latin1') : bytes.textOrBytes(length));
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#stack.top();
    // What is in a set, or in a list with a class of its own, is of no use here.
    if (list instanceof PickledObject) return;
    if (!Array.isArray(list)) throw misplaced('a list', this.#bytes.position);
    for (const item of items) list.push(item);
  }

  #pushDict(keysAndValues: readonly PickleValue[]): void {
    this.#stack.push(new Map());
    this.#setItems(keysAndValues);
  }

  #setItems(keysAndValues: readonly PickleValue[]): void {
    const target = this.#stack.top();
    if (target instanceof PickledObject) target.items ??= new Map();
    const dict = target instanceof PickledObject ? target.items : target;
    if (!(dict instanceof Map) || keysAndValues.length % 2 !== 0) {
      throw misplaced('a dictionary', this.#bytes.position);
    }
    for (let i = 0; i < keysAndValues.length; i += 2) {
      const [key, value] = keysAndValues.slice(i, i + 2) as [PickleValue, PickleValue];
      if (dict.has(key)) throw setTwice(key);
      dict.set(key, value);
    }
  }

  /** OBJ has the class and its arguments one after the other. */
  #callOf([callable, ...args]: readonly PickleValue[]): void {
    this.#call([callable as PickleValue, new PickleTuple(args)]);
  }

  #call([callable, args]: readonly PickleValue[]): void {
    const isCallable = callable instanceof PickleGlobal || callable instanceof PickledObject;
    if (!isCallable || !(args instanceof PickleTuple)) {
      throw misplaced('a call', this.#bytes.position);
    }
    this.#stack.pushMade(valueOfCall(callable, args.items));
  }

  /**
   * Keeps the state of an object. That of a dictionary is dropped: the versions of a state dict's
   * modules (`_metadata`).
   */
  #setState(state: PickleValue): void {
    const target = this.#stack.top();
    if (target instanceof PickledObject) target.state = state;
    else if (!(target instanceof Map)) throw misplaced('attributes', this.#bytes.position);
  }

  /** What an id stands for: a storage or, as until 2020, a module's class with its source text. */
  #persistent(id: PickleValue): PickledStorage | PickleGlobal {
    const [kind, moduleClass] = id instanceof PickleTuple ? id.items : [];
    const isClass = kind === 'module' && moduleClass instanceof PickleGlobal;
    return isClass ? moduleClass : this.#storage(findStorage(id));
  }

  #storage(storage: PickledStorage): PickledStorage {
    const known = this.#storages.get(storage.key) ?? storage;
    if (known.type !== storage.type || known.elements !== storage.elements) {
      throw new FormatError('its pickle describes a storage in two ways');
    }
    this.#storages.set(storage.key, known);
    return known.firstElement === storage.firstElement ? known : storage;
  }
}

function globalOf(module: string, name: string): PickleGlobal {
  const known = Object.hasOwn(MODULES, module) ? MODULES[module] : module;
  return new PickleGlobal(`${known}.${name}`);
}

function requireProtocol(protocol: number): void {
  if (protocol >= FIRST_PROTOCOL && protocol <= LAST_PROTOCOL) return;
  const message = `it was written with pickle protocol ${protocol}, expected ${FIRST_PROTOCOL} to ${LAST_PROTOCOL}`;
  throw new FormatError(message, SAVE_AGAIN);
}

function requireFew(bytes: number): number {
  if (bytes <= MAX_INTEGER) return bytes;
  throw new FormatError(`its pickle has an integer of ${bytes} bytes`);
}

/** Instructions that only protocols 0 and 1 need. */
const OLD_INSTRUCTIONS: ReadonlyMap<number, string> = new Map([
  [0x46, 'FLOAT'],
  [0x49, 'INT'],
  [0x4c, 'LONG'],
  [0x50, 'PERSID'],
  [0x53, 'STRING'],
  [0x56, 'UNICODE'],
  [0x67, 'GET'],
  [0x69, 'INST'],
  [0x70, 'PUT'],
]);

function unknownInstruction(opcode: number, at: number): FormatError {
  const old = OLD_INSTRUCTIONS.get(opcode);
  if (old !== undefined) {
    const message = `its pickle has the instruction ${old} at byte ${at}, of protocol 0 or 1; expected 2 to 5`;
    return new FormatError(message, SAVE_AGAIN);
  }
  const hexadecimal = `0x${opcode.toString(16).padStart(2, '0')}`;
  return new FormatError(`its pickle has the unknown instruction ${hexadecimal} at byte ${at}`);
}

function setTwice(key: PickleValue): FormatError {
  return new FormatError(`its pickle sets a key twice: ${quoted(String(key))}`);
}

function misplaced(what: string, position: number): FormatError {
  return new FormatError(`its pickle has ${what} in the wrong place, before byte ${position}`);
}
