/* Words of a search in Korean, for the index and for what is asked: `search.mjs` and the pages run this. */
/* global elasticlunr */
(() => {
  /** Those that follow nouns most. */
  const particle =
    /(?<=[가-힣]{2})(으로|에서|까지|부터|에게|처럼|보다|을|를|이|가|은|는|에|의|로|와|과|도|만)$/;

  /** Without what is not a letter at either end, and without a particle. */
  function hangul(token) {
    return token.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '').replace(particle, '');
  }

  elasticlunr.Pipeline.registerFunction(hangul, 'hangul');
})();
