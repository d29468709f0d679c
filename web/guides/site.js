/* What mdBook leaves to the mouse. */
document.getElementById('mdbook-sidebar-toggle').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' && event.key !== ' ') return;
  event.preventDefault();
  event.target.click();
});
