import { Message } from './protobuf.js';
import type { Weight } from './weights.js';

/** The numbers that onnx.proto gives to the fields that are used here. */
const FIELD = {
  model: { irVersion: 1, producer: 2, producerVersion: 3, graph: 7, opset: 8, metadata: 14 },
  opset: { version: 2 },
  entry: { key: 1, value: 2 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, operator: 4, attribute: 5 },
  attribute: { name: 1, float: 2, integer: 3, integers: 8, type: 20 },
  tensor: { dims: 1, dataType: 2, name: 8, rawData: 9 },
  value: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { elementType: 1, shape: 2 },
  shape: { dimension: 1 },
  dimension: { value: 1, parameter: 2 },
} as const;

/** TensorProto.DataType.FLOAT */
const FLOAT = 1;

const ATTRIBUTE_TYPE = { float: 1, integer: 2, integers: 7 } as const;

/** Opset 17 and version 8 of the format: ONNX 1.12 of 2022, which runtimes in use all read. */
const OPSET = 17;
const IR_VERSION = 8;

export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: readonly OnnxAttribute[];
}

export type OnnxAttribute = { readonly name: string } & (
  | { readonly float: number }
  | { readonly integer: number }
  | { readonly integers: readonly number[] }
);

/** A value that comes in or goes out, fp32; a dimension that has a name may have any length. */
export interface OnnxValue {
  readonly name: string;
  readonly dimensions: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly weights: ReadonlyMap<string, Weight>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** Who made a model, and what is said of it. */
export interface OnnxOrigin {
  readonly producer: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A ModelProto of onnx.proto. */
export function onnxMessage(
  graph: OnnxGraph,
  { producer, version, metadata }: OnnxOrigin,
): Message {
  const field = FIELD.model;
  const message = new Message()
    .integer(field.irVersion, IR_VERSION)
    .text(field.producer, producer)
    .text(field.producerVersion, version)
    .message(field.graph, graphMessage(graph))
    .message(field.opset, new Message().integer(FIELD.opset.version, OPSET));
  for (const [key, value] of Object.entries(metadata)) {
    const entry = new Message().text(FIELD.entry.key, key).text(FIELD.entry.value, value);
    message.message(field.metadata, entry);
  }
  return message;
}

function graphMessage({ name, nodes, weights, inputs, outputs }: OnnxGraph): Message {
  const field = FIELD.graph;
  const message = new Message();
  for (const node of nodes) message.message(field.node, nodeMessage(node));
  message.text(field.name, name);
  for (const [name, weight] of weights) {
    message.message(field.initializer, tensorMessage(name, weight));
  }
  for (const input of inputs) message.message(field.input, valueMessage(input));
  for (const output of outputs) message.message(field.output, valueMessage(output));
  return message;
}

/** A node is called after its only output. */
function nodeMessage({ operator, inputs, output, attributes = [] }: OnnxNode): Message {
  const field = FIELD.node;
  const message = new Message();
  for (const input of inputs) message.text(field.input, input);
  message.text(field.output, output).text(field.name, output).text(field.operator, operator);
  for (const attribute of attributes) {
    message.message(field.attribute, attributeMessage(attribute));
  }
  return message;
}

function attributeMessage(attribute: OnnxAttribute): Message {
  const field = FIELD.attribute;
  const message = new Message().text(field.name, attribute.name);
  if ('float' in attribute) {
    return message.float(field.float, attribute.float).integer(field.type, ATTRIBUTE_TYPE.float);
  }
  if ('integer' in attribute) {
    const { integer } = attribute;
    return message.integer(field.integer, integer).integer(field.type, ATTRIBUTE_TYPE.integer);
  }
  const { integers } = attribute;
  return message.integers(field.integers, integers).integer(field.type, ATTRIBUTE_TYPE.integers);
}

/** Little-endian, as all processors are that moco runs on. */
function tensorMessage(name: string, { shape, data }: Weight): Message {
  const field = FIELD.tensor;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Message()
    .integers(field.dims, shape)
    .integer(field.dataType, FLOAT)
    .text(field.name, name)
    .bytes(field.rawData, [bytes]);
}

function valueMessage({ name, dimensions }: OnnxValue): Message {
  const shape = new Message();
  for (const dimension of dimensions) {
    const { value, parameter } = FIELD.dimension;
    const message = new Message();
    if (typeof dimension === 'number') message.integer(value, dimension);
    else message.text(parameter, dimension);
    shape.message(FIELD.shape.dimension, message);
  }
  const tensor = new Message()
    .integer(FIELD.tensorType.elementType, FLOAT)
    .message(FIELD.tensorType.shape, shape);
  const type = new Message().message(FIELD.type.tensor, tensor);
  return new Message().text(FIELD.value.name, name).message(FIELD.value.type, type);
}
