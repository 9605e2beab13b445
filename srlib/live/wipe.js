/* A mouse or a finger on a stage of two pictures: hovering or a tap moves the loupe, dragging moves the wipe. */

const STILL = 4; // CSS pixels that a pointer may tremble and still mean a tap

function pointing(stage, wipe, point) {
  const input = wipe.querySelector("input");
  let began = null, dragging = false;
  stage.addEventListener("pointerdown", event => {
    if (event.button !== 0 || !event.isPrimary) return;
    [began, dragging] = [event.clientX, false];
    stage.setPointerCapture(event.pointerId);
    point(event);
  });
  stage.addEventListener("pointermove", event => {
    if (!event.isPrimary) return;
    dragging ||= began !== null && Math.abs(event.clientX - began) >= STILL;
    if (!dragging) return point(event);
    const box = stage.getBoundingClientRect();
    input.value = Math.round(100 * (event.clientX - box.left) / box.width); // the slider keeps it between its ends
    input.dispatchEvent(new Event("input"));
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { began = null; dragging = false; });
}
