// What the tests ask inside a page: plain script, put into every page before its own.
globalThis.probe = {
  /** Whether the page scrolls sideways. */
  isTooWide: () => document.documentElement.scrollWidth > window.innerWidth,

  isTooWideFromRightToLeft() {
    const { dir } = document.documentElement;
    document.documentElement.dir = 'rtl';
    const answer = probe.isTooWide();
    document.documentElement.dir = dir;
    return answer;
  },

  /** The targets that are too small for a thumb. */
  smallTargets: () =>
    [...document.querySelectorAll('button, summary, a.button, .links a, .input, .choice label')]
      .filter((element) => element.getBoundingClientRect().height < 43.9)
      .map((element) => element.outerHTML),

  /** Whether the text of an element begins at the left of what follows, on its first line. */
  runsLeftToRight(selector) {
    const [start, later] = [0, 5].map((offset) => {
      const range = document.createRange();
      const text = document
        .createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT)
        .nextNode();
      range.setStart(text, offset);
      range.setEnd(text, offset + 1);
      return range.getBoundingClientRect().left;
    });
    return start < later;
  },

  /** On which side of another element, or else of the page, an element (its text, if it has one) has its middle. */
  side(selector, other = 'body') {
    const element = document.querySelector(selector);
    const text = document.createRange();
    text.selectNodeContents(element);
    const own = (element.textContent.trim() === '' ? element : text).getBoundingClientRect();
    const frame = document.querySelector(other).getBoundingClientRect();
    return own.left + own.right < frame.left + frame.right ? 'left' : 'right';
  },

  /** The lines that the language switcher takes, and how many languages it shows. */
  switcher() {
    const languages = [...document.querySelectorAll('.language')].map((each) => each.getBoundingClientRect());
    return { languages: languages.length, lines: new Set(languages.map(({ top }) => Math.round(top))).size };
  },

  background: () => getComputedStyle(document.body).backgroundColor,

  /** Puts the focus before everything, so that the next tab key goes to the first stop. */
  startFromTop() {
    const top = document.querySelector('.brand');
    top.tabIndex = -1;
    top.focus();
  },

  /** What has the focus, and how thick the line around it is; null at the end of the page. */
  focus() {
    const element = document.activeElement;
    if (element === null || element === document.body) return null;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const name = element.getAttribute('name');
    const value = element.getAttribute('value');
    const label = element.getAttribute('aria-label') ?? element.textContent.trim();
    return {
      name: name ? (element.tagName === 'BUTTON' ? `${name}=${value}` : name) : label,
      outline: outlineStyle === 'none' ? 0 : Number.parseFloat(outlineWidth),
    };
  },

  /** Keeps the kind of the password field as it is when the page is left. */
  watchPassword() {
    addEventListener('pagehide', () => {
      sessionStorage.setItem('type', document.querySelector('#password').type);
    });
  },
  passwordTypeAtLeaving: () => sessionStorage.getItem('type'),

  /** Presses a button twice at once; for each press, whether the page refused to send the form. */
  pressTwice(selector) {
    const refused = [];
    addEventListener('submit', (event) => refused.push(event.defaultPrevented));
    const button = document.querySelector(selector);
    button.click();
    button.click();
    return refused;
  },
};
