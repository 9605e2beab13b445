/* An element without controls of its own, which only makes room for the widget below it (spare.js). */

function start(root) {
  stepAside(root);
}
