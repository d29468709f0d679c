/** Where tiles stand in a box. Pure geometry, in pixels. */

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const gap = 10;
const wide = 16 / 9;

/**
 * A box for each of `count` equal tiles, as large as can be. With `focus` of them large (the first ones), the others
 * stand in a strip beside those, or below if the box is upright.
 */
export function arrange(count: number, focus: number, width: number, height: number): Box[] {
  const upright = height > width;
  const whole = { x: 0, y: 0, width, height };
  if (!focus || focus >= count) return grid(count, whole, focus === 0 && upright ? 1 : wide);
  if (upright) {
    const strip = Math.round(height * 0.24);
    const below = { x: 0, y: height - strip, width, height: strip };
    const above = { ...whole, height: height - strip - gap };
    return [...grid(focus, above, wide), ...grid(count - focus, below, 4 / 3)];
  }
  const strip = Math.round(Math.min(Math.max(width * 0.17, 144), 240));
  const beside = { x: width - strip, y: 0, width: strip, height };
  const large = { ...whole, width: width - strip - gap };
  return [...grid(focus, large, wide), ...grid(count - focus, beside, wide)];
}

function grid(count: number, { x, y, width, height }: Box, ratio: number): Box[] {
  const { columns, tile } = bestFit(count, width, height, ratio);
  const tall = Math.floor(tile / ratio);
  const rows = Math.ceil(count / columns);
  const top = y + (height - rows * tall - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, at) => {
    const row = Math.floor(at / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = x + (width - inRow * tile - (inRow - 1) * gap) / 2;
    return {
      x: Math.round(left + (at % columns) * (tile + gap)),
      y: Math.round(top + row * (tall + gap)),
      width: tile,
      height: tall,
    };
  });
}

/** The columns and the width of one tile, for tiles of the given aspect ratio. */
function bestFit(
  count: number,
  width: number,
  height: number,
  ratio: number,
): { columns: number; tile: number } {
  let best = { columns: 1, tile: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const byWidth = (width - gap * (columns - 1)) / columns;
    const byHeight = ((height - gap * (rows - 1)) / rows) * ratio;
    const tile = Math.floor(Math.min(byWidth, byHeight));
    if (tile > best.tile) best = { columns, tile };
  }
  return best;
}
