/** A picture, as it is named in its folder. */
export interface NamedPicture {
  /** The file's name below its folder; in a data set that has a name, the picture's number. */
  readonly name: string;
  /** Its class; undefined where it has no label. */
  readonly label: string | undefined;
}

/** A training picture that is near a test picture. */
export interface Neighbour extends NamedPicture {
  /** Cosine similarity of the two features, −1…1. */
  readonly similarity: number;
}

/** A test picture and the training pictures next to it, the nearest first. */
export interface PictureNeighbours extends NamedPicture {
  readonly neighbours: readonly Neighbour[];
}
