/* What can be chosen: the scale, and at that scale the interpolations and the networks of the course. */

const PLAIN = { // name -> [kernel, input pixels around a tile that it looks at]
  "Nearest neighbour": ["nearest", 1],
  "Bilinear": ["bilinear", 2],
  "Bicubic": ["bicubic", 2],
  "Lanczos": ["lanczos3", 3],
};
const SCALES = [2, 3, 4, ...(NETWORKS.some(net => net.scale === 1) ? [1] : [])]; // 1: the size stays, the damage goes

function interpolation(label, scale) {
  const [kernel, halo] = PLAIN[label];
  return {label, kernel, halo, scale, grid: 1, space: "rgb", name: kernel};
}

function offered(scale) {
  const plain = scale > 1 ? Object.keys(PLAIN).map(label => interpolation(label, scale)) : [];
  return [...plain, ...NETWORKS.filter(net => net.scale === scale)];
}

function methodMenu(scale, wanted) {
  const [plain, trained] = [[], []];
  const all = offered(scale);
  all.forEach((net, i) => {
    const size = net.kernel ? "" : `, ${net.year}, ${Math.max(1, Math.round(net.bytes / 1000))} kB`;
    (net.kernel ? plain : trained).push(make("option", {value: i}, net.label + size));
  });
  const groups = [["Interpolation", plain], ["Networks of this course", trained]].filter(([, options]) => options.length);
  const select = make("select", {}, ...groups.map(([label, options]) => make("optgroup", {label}, ...options)));
  const at = [name => name === wanted, name => name === "sprint", () => true].map(fits => all.findIndex(net => fits(net.name)));
  select.value = String(at.find(i => i >= 0));
  return {select, chosen: () => all[Number(select.value)]};
}
