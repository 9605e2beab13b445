// Read by MathJax as it starts. Speaker notes stay TeX: their window has no MathJax.
window.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]] },
  options: { enableMenu: false, ignoreHtmlClass: "notes|highlight|sr-live" },
  chtml: { matchFontHeight: false }, // a slide that is not shown yet has no font height to match
};
