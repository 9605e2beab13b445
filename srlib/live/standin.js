/* Words that stand where the studio's controls are while they live: see spare.js. */

function start(root) {
  stepAside(root);
}
