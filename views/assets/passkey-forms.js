// Passkeys on forms: asks the browser's authenticator, puts its answer into the form, and sends it.
import { isSupported, offersWhileTyping, register, signIn } from './passkeys.js';

for (const form of document.querySelectorAll('form[data-passkey]')) prepare(form);

function prepare(form) {
  if (!isSupported()) return;
  form.hidden = false;
  form.closest('[data-passkey-only]')?.removeAttribute('hidden');
  for (const fallback of document.querySelectorAll('[data-without-passkey]')) fallback.hidden = true;
  const options = JSON.parse(form.dataset.options);
  const status = form.querySelector('[data-passkey-status]');
  const ask = form.dataset.passkey === 'register' ? register : signIn;

  form.addEventListener('submit', async (event) => {
    if (form.elements.response.value !== '') return;
    event.preventDefault();
    status.textContent = '';
    try {
      send(await ask(options));
    } catch {
      // Closed by the person, or nothing fitting at hand; they choose again.
      form.classList.remove('is-busy');
      status.textContent = form.dataset.failed;
    }
  });

  function send(response) {
    form.elements.response.value = JSON.stringify(response);
    const remember = document.getElementById('remember');
    if (remember?.checked) {
      const field = Object.assign(document.createElement('input'), {
        type: 'hidden',
        name: 'remember',
        value: 'yes',
      });
      form.append(field);
    }
    form.submit();
  }

  if ('conditional' in form.dataset) {
    offersWhileTyping()
      .then((offers) => (offers ? signIn(options, { conditional: true }) : undefined))
      .then((response) => {
        if (response) send(response);
      })
      // Ended by the button, or by leaving the page.
      .catch(() => {});
  }
}
