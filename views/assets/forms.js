// What makes the forms more comfortable; each of them works without this file.

for (const button of document.querySelectorAll('[data-reveals]')) {
  const input = document.getElementById(button.dataset.reveals);
  const reveal = (isShown) => {
    input.type = isShown ? 'text' : 'password';
    button.classList.toggle('is-on', isShown);
    button.setAttribute('aria-label', isShown ? button.dataset.hide : button.dataset.show);
  };
  button.addEventListener('click', () => reveal(input.type === 'password'));
  // A browser must not remember the password as if it were any text.
  input.form.addEventListener('submit', () => reveal(false));
  button.hidden = false;
}

// A second press while the answer is on its way would only send the same form again. The wait is short, so
// that a person who stops the page can send it anew.
const waitMilliseconds = 4000;

for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener('submit', (event) => {
    if (form.classList.contains('is-busy')) event.preventDefault();
    form.classList.add('is-busy');
    setTimeout(() => form.classList.remove('is-busy'), waitMilliseconds);
  });
}
