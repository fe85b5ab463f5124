// What makes the self-service pages more comfortable; each of them works without this file.

for (const button of document.querySelectorAll('[data-prints]')) {
  button.addEventListener('click', () => print());
  button.hidden = false;
}
