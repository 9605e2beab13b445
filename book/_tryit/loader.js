/* In the page itself, and all there is until someone asks: a button that loads the lab. */
(() => {
  const folder = `${document.documentElement.dataset.content_root ?? "./"}_static/tryit/`;
  const load = once(() => new Promise((done, failed) => {
    const sheet = Object.assign(document.createElement("link"), {rel: "stylesheet", href: `${folder}lab.css`});
    const script = Object.assign(document.createElement("script"), {src: `${folder}lab.js`, onload: done, onerror: failed});
    window.srTryit = {folder};
    document.head.append(sheet, script);
  }));
  for (const root of document.querySelectorAll(".sr-try")) {
    const button = Object.assign(document.createElement("button"), {type: "button", textContent: root.dataset.button});
    button.style = "background: #0072B2; color: #fff; border: 0; border-radius: 4px; padding: 0.5rem 1.1rem; font-weight: 600";
    button.onclick = async () => {
      button.disabled = true;
      try { await load(); } catch { button.textContent = "The lab could not be loaded. Is the site whole?"; return; }
      srTryit.start(root);
      root.querySelector("input, button").focus();
    };
    root.append(button);
  }
  function once(make) { let made; return () => made ??= make(); }
})();
