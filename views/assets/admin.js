// What makes the admin console quicker; each of its pages works without this file.

// ---- Search: "/" leads to it from anywhere ----

const find = document.querySelector('[data-find]');
const findKey = document.querySelector('[data-find-key]');
if (findKey) findKey.hidden = false;

const isTyping = ({ target }) => target.closest('input, textarea, select, [contenteditable]') !== null;

document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
  event.preventDefault();
  find?.focus();
  find?.select();
});

// ---- What was done is said once ----

if (document.querySelector('[data-done]')) {
  const here = new URL(location.href);
  for (const name of ['done', 'count', 'again']) here.searchParams.delete(name);
  history.replaceState(null, '', here);
}

// ---- Menus close when somebody goes elsewhere ----

document.addEventListener('click', ({ target }) => {
  for (const menu of document.querySelectorAll('details.admin-menu[open]')) {
    if (!menu.contains(target)) menu.open = false;
  }
});
document.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  for (const menu of document.querySelectorAll('details.admin-menu[open]')) {
    menu.open = false;
    menu.querySelector('summary').focus();
  }
});

// ---- Copying ----

function prepareCopying(root) {
  for (const button of root.querySelectorAll('[data-copies]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(button.dataset.copies);
      const label = button.getAttribute('aria-label');
      button.classList.add('is-done');
      button.setAttribute('aria-label', button.dataset.copied);
      setTimeout(() => {
        button.classList.remove('is-done');
        button.setAttribute('aria-label', label);
      }, 1500);
    });
  }
}
prepareCopying(document);

// ---- Filters take effect as they are chosen ----

for (const form of document.querySelectorAll('form[data-filters]')) {
  form.addEventListener('change', ({ target }) => {
    if (target.matches('select')) form.requestSubmit();
  });
}

// ---- Rows of a table: all at once, and how many ----

for (const form of document.querySelectorAll('form[data-bulk]')) {
  const boxes = [...form.querySelectorAll('tbody input[type="checkbox"]')];
  const all = form.querySelector('[data-all]');
  const bar = form.querySelector('[data-bulk-bar]');
  const count = form.querySelector('[data-bulk-count]');
  if (!all || !bar) continue;
  all.closest('label').hidden = false;
  const tell = () => {
    const chosen = boxes.filter(({ checked }) => checked).length;
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
    bar.classList.toggle('is-idle', chosen === 0);
    for (const button of bar.querySelectorAll('button')) button.disabled = chosen === 0;
    if (count) count.textContent = chosen === 0 ? '' : String(chosen);
  };
  all.addEventListener('change', () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  form.addEventListener('change', tell);
  addEventListener('pageshow', tell);
  tell();
}

// ---- Questions before something ends are asked in the page ----

async function pageAt(address) {
  const answer = await fetch(address, { headers: { accept: 'text/html' }, credentials: 'same-origin' });
  // A sign-in is asked for: that needs the whole window.
  if (answer.redirected || !answer.ok) return undefined;
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

function showQuestion(page) {
  const form = page.querySelector('[data-question]');
  const heading = page.querySelector('h1');
  if (!form || !heading) return false;
  const dialog = document.createElement('dialog');
  dialog.className = 'admin-dialog';
  const title = document.createElement('h2');
  title.id = 'question';
  title.textContent = heading.textContent;
  dialog.setAttribute('aria-labelledby', title.id);
  dialog.append(title, document.adoptNode(form));
  document.body.append(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => {
    const closes = event.target.closest('[data-closes]');
    if (event.target !== dialog && !closes) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.showModal();
  return true;
}

document.addEventListener('click', async (event) => {
  const link = event.target.closest('a[data-confirm]');
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const page = await pageAt(link.href);
    if (page && showQuestion(page)) return;
  } catch {
    // The page itself says what is wrong.
  }
  location.assign(link.href);
});

// ---- Pages that follow what happens ----

const following = document.querySelector('[data-follow]');
if (following) {
  const everyMs = 3000;
  let isOn = false;
  let timer;

  const renew = async () => {
    try {
      if (!document.hidden) {
        const page = await pageAt(location.href);
        for (const part of document.querySelectorAll('[data-live]')) {
          const newer = page?.getElementById(part.id);
          if (newer && newer.innerHTML !== part.innerHTML) part.innerHTML = newer.innerHTML;
        }
      }
    } catch {
      // The next try may reach a pod again.
    }
    if (isOn) timer = setTimeout(renew, everyMs);
  };

  const button = document.createElement('button');
  button.type = 'button';
  button.className = following.className;
  const tell = () => {
    button.textContent = isOn ? following.dataset.stop : following.dataset.follow;
    button.setAttribute('aria-pressed', String(isOn));
  };
  button.addEventListener('click', () => {
    isOn = !isOn;
    tell();
    clearTimeout(timer);
    if (isOn) renew();
  });
  tell();
  following.replaceWith(button);
}
