/** Images to stand before. */

import { Failure } from './failure';

/** Pixels: no camera has more, and what is larger would only take memory. */
const MAX_SIDE = 1920;

/**
 * Loads it with CORS, without which the browser would let nobody have the picture that it is part of.
 * The message of an error begins with words that applications may look for.
 */
export async function loadImage(url: unknown): Promise<ImageBitmap> {
  if (typeof url !== 'string' || url === '') {
    throw new Failure('Error loading background image: "url" must be its address');
  }
  const image = new Image();
  image.crossOrigin = 'anonymous';
  image.src = url;
  try {
    await image.decode();
    const shrink = Math.min(1, MAX_SIDE / Math.max(image.naturalWidth, image.naturalHeight));
    return await createImageBitmap(image, {
      resizeWidth: Math.max(1, Math.round(image.naturalWidth * shrink)),
      resizeHeight: Math.max(1, Math.round(image.naturalHeight * shrink)),
      resizeQuality: 'high',
    });
  } catch {
    throw new Failure(
      `Error loading background image ${url}: it is not there, is no image, or its server does not allow other origins (CORS)`,
    );
  }
}
