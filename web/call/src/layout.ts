/** How many columns show `count` equal tiles largest in a box. Pure geometry. */

/** The columns and the width of one tile, for tiles of the given aspect ratio. */
export function bestFit(
  count: number,
  width: number,
  height: number,
  gap: number,
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
