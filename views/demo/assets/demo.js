// Two comforts that the page works without: times in the reader's own zone, and a list of pods that renews itself.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

function localiseTimes(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    const format = time.hasAttribute('data-full') ? full : clock;
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

/** New content for the panel, without taking the reader's place in the list away. */
function replaceContent(panel, html) {
  const before = panel.querySelector('.trail');
  const scrolled = before?.scrollTop ?? 0;
  const isFocused = before !== null && document.activeElement === before;
  panel.innerHTML = html;
  const after = panel.querySelector('.trail');
  if (after === null) return;
  after.scrollTop = scrolled;
  if (isFocused) after.focus({ preventScroll: true });
}

const everyMs = 2000;

function keepFresh(panel) {
  let shown = '';
  const renew = async () => {
    if (document.hidden) return;
    try {
      const response = await fetch(panel.dataset.source, { cache: 'no-store' });
      const html = response.ok ? await response.text() : shown;
      if (html === shown) return;
      shown = html;
      replaceContent(panel, html);
      localiseTimes(panel);
    } catch {
      // The next round tries again; what is shown stays.
    }
  };
  const next = async () => {
    await renew();
    setTimeout(next, everyMs);
  };
  setTimeout(next, everyMs);
  document.addEventListener('visibilitychange', renew);
}

localiseTimes(document);
for (const panel of document.querySelectorAll('[data-source]')) keepFresh(panel);
for (const link of document.querySelectorAll('[data-without-script]')) link.hidden = true;
