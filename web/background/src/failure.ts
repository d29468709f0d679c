/** Why a background cannot be put there, in the form that openvidu-browser hands on to applications. */

export class Failure extends Error {
  override readonly name = 'VIRTUAL_BACKGROUND_ERROR';

  static of(error: unknown): Failure {
    if (error instanceof Failure) return error;
    return new Failure(error instanceof Error ? error.message : String(error));
  }
}
