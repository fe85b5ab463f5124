// Says while somebody types addresses what is wrong with them; the form says so without this file as well.

for (const part of document.querySelectorAll('[data-addresses]')) {
  const fields = [...part.querySelectorAll('textarea')];
  const findings = part.querySelector('#address-findings');
  let timer;
  let asked = 0;

  const look = async () => {
    asked += 1;
    const mine = asked;
    const address = new URL(part.dataset.addresses, location.href);
    address.searchParams.set('addresses', fields.map(({ value }) => value).join('\n'));
    try {
      const answer = await fetch(address, { headers: { accept: 'text/html' }, credentials: 'same-origin' });
      if (answer.redirected || !answer.ok || mine !== asked) return;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const newer = page.getElementById('address-findings');
      if (newer && newer.innerHTML !== findings.innerHTML) findings.innerHTML = newer.innerHTML;
    } catch {
      // It is looked at when the form is sent.
    }
  };

  part.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(look, 400);
  });
}
