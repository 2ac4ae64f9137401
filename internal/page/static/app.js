// Every page works without this file. It makes copying one press, lets the theme
// change without a reload, counts a token's time down, and closes menus.
(() => {
  const $ = (s, r = document) => r.querySelector(s), $$ = (s, r = document) => [...r.querySelectorAll(s)];
  const read = el => (el.value ?? el.textContent).trim();
  const live = $('#live');
  const say = text => { live.textContent = ''; setTimeout(() => { live.textContent = text; }, 30); };

  // <button data-copy="#id" data-what="Consumer key">. What is copied may name places
  // in data-fill="$SECRET #id, …": a secret stands in one element of the page, and
  // joins the sample on its way to the clipboard.
  addEventListener('click', async e => {
    const button = e.target.closest('[data-copy]');
    if (!button) return;
    const from = $(button.dataset.copy);
    let text = read(from);
    for (const fill of (from.dataset.fill || '').split(', ').filter(Boolean)) {
      const [place, id] = fill.split(' '), value = $(id);
      if (value) text = text.replaceAll(place, read(value));
    }
    const label = $('span', button) || button, was = label.textContent;
    try {
      await navigator.clipboard.writeText(text);
      label.textContent = 'Copied';
      button.dataset.done = '';
      say((button.dataset.what || 'Text') + ' copied');
    } catch {
      from.select ? from.select() : getSelection().selectAllChildren(from);
      say('Selected. Press Control C to copy.');
    }
    setTimeout(() => { label.textContent = was; delete button.dataset.done; }, 2000);
  });
  addEventListener('focusin', e => { if (e.target.matches('textarea[readonly]')) e.target.select(); });

  // The theme's form works alone; here it is sent in the background.
  addEventListener('submit', e => {
    const form = e.target, choice = e.submitter;
    if (!form.matches('[data-theme-form]') || !choice) return;
    e.preventDefault();
    const root = document.documentElement;
    choice.value === 'system' ? root.removeAttribute('data-theme') : root.dataset.theme = choice.value;
    fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form, choice)), redirect: 'manual' });
    form.closest('details').open = false;
  });

  // <time data-left="3600">: seconds until a token ends. Not announced, only shown.
  $$('[data-left]').forEach(t => {
    const end = Date.now() + 1000 * t.dataset.left;
    const tick = () => {
      const s = Math.round((end - Date.now()) / 1000);
      t.textContent = s > 0 ? `ends in ${s / 60 | 0} min ${String(s % 60).padStart(2, '0')} s` : 'has ended';
    };
    tick();
    setInterval(tick, 1000);
  });

  // What went wrong is read first.
  $('.errors')?.focus();

  addEventListener('keydown', e => {
    if (e.key === 'Escape') $$('details.menu[open]').forEach(m => { m.open = false; $('summary', m).focus(); });
    if (e.key === '/' && !e.ctrlKey && !e.metaKey && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) {
      const search = $$('input[type=search]').find(s => s.offsetParent);
      if (search) { e.preventDefault(); search.focus(); }
    }
  });
  addEventListener('click', e => $$('details.menu[open]').forEach(m => { if (!m.contains(e.target)) m.open = false; }));
})();
