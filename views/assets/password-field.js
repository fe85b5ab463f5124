// Says how far a new password is from the least length while it is typed. It says nothing of how good it is: that
// only the server can tell.

for (const output of document.querySelectorAll('[data-counts]')) {
  const input = document.getElementById(output.dataset.counts);
  const minimum = Number(output.dataset.minimum);
  const tell = () => {
    const length = [...input.value.normalize('NFC')].length;
    const isEnough = length >= minimum;
    output.hidden = length === 0;
    output.classList.toggle('is-enough', isEnough);
    output.textContent = isEnough ? output.dataset.enough : output.dataset.short.replace('#', length);
  };
  input.addEventListener('input', tell);
  tell();
}
