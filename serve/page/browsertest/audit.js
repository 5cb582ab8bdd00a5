// audit returns the faults of the page for people who read it by keyboard, by ear, or with weak eyes: WCAG 2.2, level AA.
(() => {
  const faults = [];
  const name = e => '<' + e.tagName.toLowerCase() + (e.className && e.className.baseVal === undefined ? ' class=' + e.className : '') + '> ' +
    JSON.stringify((e.textContent || '').trim().slice(0, 40));
  const all = s => [...document.querySelectorAll(s)];
  const style = e => getComputedStyle(e);
  const shown = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && e.getClientRects().length > 0;

  // Structure.
  if (!document.documentElement.lang) faults.push('the page has no language');
  if (!document.title.trim()) faults.push('the page has no title');
  if (all('main').length !== 1) faults.push('the page has ' + all('main').length + ' elements main');
  if (all('h1').length !== 1) faults.push('the page has ' + all('h1').length + ' elements h1');
  let level = 0;
  for (const h of all('h1, h2, h3, h4, h5, h6')) {
    if (+h.tagName[1] > level + 1) faults.push('a heading of level ' + h.tagName[1] + ' after level ' + level + ': ' + name(h));
    if (!h.textContent.trim()) faults.push('an empty heading');
    level = +h.tagName[1];
  }
  const ids = all('[id]').map(e => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push('the id ' + id + ' is there twice');

  // Names.
  const label = e => (e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id)?.textContent || '').join('') ||
    [...(e.labels || [])].map(l => l.textContent).join('') || e.title || '').trim();
  for (const e of all('input:not([type=hidden]), select, textarea')) if (!label(e)) faults.push('a field has no label: ' + e.outerHTML);
  for (const e of all('a[href], button, summary'))
    if (!(e.textContent.trim() || label(e) || [...e.querySelectorAll('img[alt], svg [role=img], title')].map(i => i.alt || i.textContent).join('').trim())) faults.push('a link or button has no name: ' + e.outerHTML);
  for (const e of all('img:not([alt])')) faults.push('an image has no alternative text: ' + e.outerHTML);
  for (const e of all('svg')) if (!(e.getAttribute('aria-hidden') === 'true' || e.getAttribute('role') === 'img' && (label(e) || e.querySelector('title')))) faults.push('a drawing is neither named nor hidden');
  for (const e of all('iframe')) if (!e.title) faults.push('a frame has no title');
  const navs = all('nav');
  if (navs.length > 1) for (const e of navs) if (!label(e)) faults.push('one of several elements nav has no label');
  for (const e of all('table')) if (!e.querySelector('th')) faults.push('a table has no headers: ' + name(e));
  for (const e of all('[tabindex]')) if (e.tabIndex > 0) faults.push('a place of its own in the order of Tab: ' + name(e));

  // Contrast.
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const parse = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const background = e => {
    const layers = [];
    for (; e; e = e.parentElement) layers.push(parse(style(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const luminance = c => {
    const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || seen.has(e) || !shown(e)) continue;
    seen.add(e);
    const s = style(e), size = parseFloat(s.fontSize), large = size >= 24 || size >= 18.66 && s.fontWeight >= 700;
    const below = background(e), color = over(parse(e.closest('svg') ? s.fill : s.color), below);
    const has = ratio(color, below), needs = large ? 3 : 4.5;
    if (has < needs) faults.push('a contrast of ' + has.toFixed(2) + ', and ' + needs + ' is needed: ' + name(e));
  }
  for (const e of all('input:not([type=hidden]), select, textarea')) {
    const has = ratio(over(parse(style(e).borderTopColor), background(e.parentElement)), background(e.parentElement));
    if (shown(e) && e.type !== 'checkbox' && e.type !== 'radio' && has < 3) faults.push('a field whose border has a contrast of ' + has.toFixed(2) + ', and 3 is needed: ' + e.outerHTML);
  }

  // Size: nothing is cut off, and no line is longer than the screen (1.4.10); targets are 24 pixels apart (2.5.8) is not tested.
  const width = document.documentElement.clientWidth; // innerWidth grows with the page on a phone
  if (document.documentElement.scrollWidth > width) {
    const wide = all('body *').filter(e => shown(e) && e.getBoundingClientRect().right > width + 1 && !e.closest('.hidden, .skip')).slice(0, 3);
    faults.push('the page is ' + document.documentElement.scrollWidth + ' pixels wide, and the screen ' + width + ': ' + wide.map(name));
  }
  return faults;
})()
