/** What a recipe is chosen by. */
interface Circumstances {
  readonly hasGpu: boolean;
  /** Training pictures. */
  readonly pictures: number;
  /** Undefined where the run may take as long as it does. */
  readonly budgetSeconds: number | undefined;
}

/** A recipe that was chosen, and the reason, as what follows "because". */
export interface ChosenRecipe {
  readonly name: string;
  readonly reason: string;
}

/**
 * How long `best` should be given, in seconds per training picture: four hours for the 50,000 of
 * CIFAR-10. A rule of thumb by its multiply-adds; no GPU was measured.
 */
const BEST_SECONDS_PER_PICTURE = (4 * 3600) / 50_000;

/** Which of moco's own recipes suits a run. */
export function chooseRecipe({ hasGpu, pictures, budgetSeconds }: Circumstances): ChosenRecipe {
  if (!hasGpu) return { name: 'cpu', reason: 'no GPU computes' };
  const wanted = BEST_SECONDS_PER_PICTURE * pictures;
  const hours = (wanted / 3600).toFixed(1);
  if (budgetSeconds === undefined) {
    return { name: 'fast', reason: 'a GPU computes, and no budget asks for a long run' };
  }
  return budgetSeconds < wanted
    ? { name: 'fast', reason: `${pictures} pictures want ${hours} h on a GPU for best` }
    : { name: 'best', reason: `a GPU computes, and the budget is ${hours} h at least` };
}
