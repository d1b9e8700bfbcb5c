import { FormatError } from './formatError.js';
import type { PickleValue } from './pickleValue.js';

/**
 * What the values of one pickle may cost: as many objects as this (dictionaries, lists, tuples …,
 * and places of the memo), or sixteen times as many numbers and texts. A training checkpoint of a
 * ResNet-50 makes about 10,000 objects.
 */
const MAX_OBJECTS = 1_000_000;

const [COST_OF_OBJECT, COST_OF_SCALAR, COST_OF_BYTE] = [16, 1, 1 / 16];

/** Values in the making, and those that the pickle may come back to. */
export class PickleStack {
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack at which open collections begin. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #cost = 0;

  push(value: PickleValue): void {
    const isObject = typeof value === 'object' && value !== null;
    this.#spend(isObject ? COST_OF_OBJECT : COST_OF_SCALAR);
    this.#stack.push(value);
  }

  /** Pushes what a call made of values that the pickle may use many times over. */
  pushMade(value: PickleValue): void {
    if (value instanceof Map) this.#spend(value.size * COST_OF_OBJECT);
    if (value instanceof Buffer) this.#spend(value.length * COST_OF_BYTE);
    this.push(value);
  }

  pop(): PickleValue {
    const bottom = this.#marks.at(-1) ?? 0;
    if (this.#stack.length <= bottom) throw nothingThere();
    return this.#stack.pop() as PickleValue;
  }

  popMany(count: number): PickleValue[] {
    const values = Array.from({ length: count }, () => this.pop());
    return values.reverse();
  }

  /** The value on top of the stack, which stays there. */
  top(): PickleValue {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    this.#spend(COST_OF_SCALAR);
    this.#marks.push(this.#stack.length);
  }

  popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw nothingThere();
    return this.#stack.splice(mark);
  }

  /** Keeps the value on top in a place of the memo: by default, the next one. */
  remember(place = this.#memo.size): void {
    this.#spend(COST_OF_OBJECT);
    this.#memo.set(place, this.top());
  }

  recall(place: number): void {
    const value = this.#memo.get(place);
    if (value === undefined) throw nothingThere();
    this.#spend(COST_OF_SCALAR);
    this.#stack.push(value);
  }

  #spend(cost: number): void {
    this.#cost += cost;
    if (this.#cost <= MAX_OBJECTS * COST_OF_OBJECT) return;
    const hint = 'Save what is needed alone: torch.save(model.state_dict(), "model.pth").';
    throw new FormatError(`its pickle makes more than ${MAX_OBJECTS} objects`, hint);
  }
}

function nothingThere(): FormatError {
  return new FormatError('its pickle takes a value where there is none');
}
