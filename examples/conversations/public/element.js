/** Makes an element. Strings among the children become text nodes: nothing in them is markup. */
export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/** Makes an element of a drawing, with attributes. */
export function createSvg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Changes the text only where it differs, so that a frame without news costs no layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
