/* In JupyterLab a living widget below takes this element's place; a dead one (reopened, no kernel) is taken away instead. */

function stepAside(root) {
  const mine = root.closest(".jp-OutputArea-child"), area = mine?.parentElement;
  if (!area) return;
  const look = () => {
    const widget = mine.nextElementSibling;
    if (!widget) return;
    const alive = widget.querySelector(".sr-beyond") !== null;
    mine.style.display = alive ? "none" : "";
    widget.style.display = alive ? "" : "none";
  };
  new MutationObserver(look).observe(area, {childList: true, subtree: true, characterData: true});
  look();
}
