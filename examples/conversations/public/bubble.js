import { element } from "./element.js";
import { clockTime } from "./times.js";
import { foldOf, isBlank, isOnlyEmoji, wordsOf } from "./words.js";

/** A text with its time. A long text is folded; its button calls `onFold` to fold or unfold it. */
export function createBubble(text, { isUnfolded, onFold }) {
  const fold = foldOf(text.text);
  const isFolded = fold !== undefined && !isUnfolded;
  const words = element("p", { className: "words", dir: "auto" });
  words.append(...wordsOf(isFolded ? fold.start : text.text));
  words.classList.toggle("is-blank", isBlank(text.text));
  words.classList.toggle("is-emoji", isOnlyEmoji(text.text));
  words.classList.toggle("is-unfolded", isUnfolded);
  const bubble = element("div", { className: "bubble" }, words);
  if (fold) bubble.append(createFoldButton(isFolded ? fold.label : "Show less", isFolded, onFold));
  bubble.append(createFacts(text));
  return bubble;
}

function createFoldButton(label, isFolded, onFold) {
  const button = element("button", { type: "button", className: "fold link" }, label);
  button.setAttribute("aria-expanded", !isFolded);
  button.addEventListener("click", onFold);
  return button;
}

function createFacts({ sentAt, retries }) {
  const time = element("time", { dateTime: new Date(sentAt).toISOString() }, clockTime(sentAt));
  const facts = element("p", { className: "facts" }, time);
  if (retries > 0) {
    const label = retries === 1 ? "retry suppressed" : `${retries} retries suppressed`;
    facts.prepend(element("span", { className: "retries" }, label), " · ");
  }
  return facts;
}
