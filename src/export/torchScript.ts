import { FEATURES, type ForwardPass, INPUT, PROJECTION, type Step } from './steps.js';
import { EPSILON } from './weights.js';

/**
 * The methods of a TorchScript module whose tensors have the reference's names: `forward` gives
 * features (B, C) of normalised pictures (B, 3, H, W); `project`, where there is a head, what that
 * makes of features (B, D).
 * @returns source, indented by two spaces
 */
export function torchScriptMethods({ backbone, head }: ForwardPass): string {
  const forward = method('forward', INPUT, backbone, FEATURES);
  return head === undefined ? forward : forward + method('project', FEATURES, head, PROJECTION);
}

function method(name: string, input: string, steps: readonly Step[], output: string): string {
  const lines = steps.map((step) => `    ${variable(step.output)} = ${expression(step)}\n`);
  const signature = `  def ${name}(self: __torch__.Model,\n    ${input}: Tensor) -> Tensor:\n`;
  return `${signature}${lines.join('')}    return ${variable(output)}\n`;
}

function expression(step: Step): string {
  const x = variable(step.input);
  switch (step.op) {
    case 'convolution': {
      const { layer, hasBias, stride, padding } = step;
      const [weight, bias] = tensors(layer, hasBias);
      const shape = `[${stride}, ${stride}], [${padding}, ${padding}], [1, 1]`;
      return `torch.conv2d(${x}, ${weight}, ${bias}, ${shape}, 1)`;
    }
    case 'linear': {
      const [weight, bias] = tensors(step.layer, step.hasBias);
      return `torch.linear(${x}, ${weight}, ${bias})`;
    }
    case 'norm': {
      const parts = ['weight', 'bias', 'running_mean', 'running_var'];
      const own = parts.map((part) => tensor(`${step.layer}.${part}`)).join(', ');
      return `torch.batch_norm(${x}, ${own}, False, 0., ${EPSILON}, True)`;
    }
    case 'maxPool':
      return `torch.max_pool2d(${x}, [3, 3], [2, 2], [1, 1], [1, 1], False)`;
    case 'add':
      return `torch.add(${x}, ${variable(step.other)})`;
    case 'relu':
      return `torch.relu(${x})`;
    case 'mean':
      return `torch.mean(${x}, [2, 3])`;
  }
}

function variable(name: string): string {
  return name.replaceAll('.', '_');
}

function tensors(layer: string, hasBias: boolean): [weight: string, bias: string] {
  return [tensor(`${layer}.weight`), hasBias ? tensor(`${layer}.bias`) : 'None'];
}

/** `self.f.0.weight`, in the form that submodules need whose names are numbers. */
function tensor(name: string): string {
  return name
    .split('.')
    .reduce(
      (owner, part) => (/^\d/.test(part) ? `getattr(${owner}, "${part}")` : `${owner}.${part}`),
      'self',
    );
}
