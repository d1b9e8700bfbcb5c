import type { Dtype } from './dtype.js';

/** What a pickle can hold that a state dict or a training checkpoint needs. */
export type PickleValue =
  | null
  | boolean
  | number
  /** An integer that is too large for a number to hold it exactly. */
  | bigint
  | string
  | PickleTuple
  | PickleList
  | PickleDict
  | PickleCallable
  | StorageType
  | PickledStorage
  | PickledTensor;

/** `dict` and `OrderedDict`. */
export type PickleDict = Map<PickleValue, PickleValue>;

export type PickleList = PickleValue[];

export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** A class or function that a pickle calls by name: one of ours that stands for it. */
export class PickleCallable {
  constructor(readonly call: (args: readonly PickleValue[]) => PickleValue) {}
}

/** `torch.FloatStorage` and its like. */
export class StorageType {
  constructor(readonly dtype: Dtype) {}
}

/** Elements in a row, somewhere else in the file. */
export class PickledStorage {
  constructor(
    readonly dtype: Dtype,
    readonly key: string,
    readonly elements: number,
  ) {}
}

/** A view of a storage; offset and strides in elements. */
export class PickledTensor {
  constructor(
    readonly storage: PickledStorage,
    readonly firstElement: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}
