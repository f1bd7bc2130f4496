/** Makes an element. Strings among the children become text nodes: nothing in them is markup. */
export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/** Changes the text only where it differs, so that a frame without news costs no layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
