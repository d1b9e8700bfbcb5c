import type { ElementType } from './torchTypes.js';

/** What a pickle holds: data, and descriptions of what it would have Python make. */
export type PickleValue =
  | null
  | boolean
  | number
  /** An integer that is too large for a number to hold it exactly. */
  | bigint
  | string
  /** `bytes` and `bytearray`. */
  | Buffer
  | PickleTuple
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickledObject
  | PickledStorage
  | PickledTensor;

/** `dict` and `OrderedDict`. */
export type PickleDict = Map<PickleValue, PickleValue>;

export type PickleList = PickleValue[];

export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** A class, function or constant by its name, `module.name`. It is never looked up. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/**
 * Something that Python would make by calling a class or function. It stays what the pickle says of
 * it, because nothing is called here.
 */
export class PickledObject {
  /** What its class would restore it from; null where the pickle gives nothing. */
  state: PickleValue = null;
  /** What was put into it as into a dictionary; undefined where nothing was. */
  items: PickleDict | undefined;

  constructor(
    /** What would be called: in all but strange pickles a `PickleGlobal`. */
    readonly callable: PickleValue,
    readonly args: readonly PickleValue[],
  ) {}
}

/** Elements in a row, somewhere else in the file. */
export class PickledStorage {
  constructor(
    readonly type: ElementType,
    readonly key: string,
    readonly elements: number,
    /** Its first element's place in the storage of that key; 0 but for old views of storages. */
    readonly firstElement = 0,
  ) {}
}

/** A view of a storage; offset and strides in elements. */
export class PickledTensor {
  constructor(
    /** The storage's own, or another where the storage is one of bytes. */
    readonly type: ElementType,
    readonly storage: PickledStorage,
    readonly firstElement: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    /** Whether Python would give it attributes, too. */
    readonly hasAttributes = false,
  ) {}
}
