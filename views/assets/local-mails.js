// Looks for new mails while nobody reads one closely: no mail is unfolded, nothing is marked, the page is in sight.

const everyMilliseconds = 4000;

setInterval(() => {
  const isRead = document.querySelector('details[open]') || !document.getSelection().isCollapsed;
  const hasFocus = document.activeElement !== document.body;
  if (!document.hidden && !isRead && !hasFocus) location.reload();
}, everyMilliseconds);
