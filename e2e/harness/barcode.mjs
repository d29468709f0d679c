/** EAN-13 as bars: `1` is black. What `showBars` of a participant draws. */
export function ean13(digits) {
  const left =
    '0001101 0011001 0010011 0111101 0100011 0110001 0101111 0111011 0110111 0001011'.split(' ');
  const parity = 'LLLLLL LLGLGG LLGGLG LLGGGL LGLLGG LGGLLG LGGGLL LGLGLG LGLGGL LGGLGL'.split(' ');
  const inverted = (code) => [...code].map((bit) => (bit === '0' ? '1' : '0')).join('');
  const half = [...digits.slice(1, 7)].map((digit, n) =>
    parity[digits[0]][n] === 'L' ? left[digit] : [...inverted(left[digit])].reverse().join(''),
  );
  return `101${half.join('')}01010${[...digits.slice(7)].map((digit) => inverted(left[digit])).join('')}101`;
}
