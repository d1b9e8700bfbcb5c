import { MocoError } from '../error.js';
import { requireAgreement } from './agreement.js';
import type { ModelInput } from './modelInput.js';

/** What is said of a model's input; what is undefined is left to its file. */
export type GivenInput = { readonly [Key in keyof ModelInput]?: ModelInput[Key] | undefined };

const KEYS = ['imageSize', 'cropShare', 'mean', 'std'] as const;

/**
 * What a model sees of a picture, by its file and by what a user says. The whole shorter side is seen
 * where nobody says otherwise.
 * @param path of the model's file
 * @param told what the file says
 * @throws MocoError `ERR_MOCO_CONFIG` where they say different things, or too little
 */
export function settledInput(
  path: string,
  told: ModelInput | undefined,
  given: GivenInput,
): ModelInput {
  const said: GivenInput = Object.fromEntries(
    KEYS.map((key) => [key, given[key]]).filter(([, value]) => value !== undefined),
  );
  if (told !== undefined) requireAgreement(said, told, path);
  const { imageSize, cropShare = 1, mean, std } = { ...told, ...said };
  if (imageSize !== undefined && mean && std) return { imageSize, cropShare, mean, std };
  throw new MocoError('ERR_MOCO_CONFIG', `${path} does not say what it sees of a picture`, {
    hint:
      'Pass imageSize, mean and std. For torchvision: imageSize: 224, cropShare: 0.875, ' +
      'mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225].',
  });
}
