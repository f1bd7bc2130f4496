import { element } from "./element.js";

// Characters that do not show, or that reverse the text after them. Tabs and line feeds are not
// among them, nor are the joiners and marks that emoji, Persian and Hebrew need.
const CONTROLS = /(?![\t\n])[\p{Cc}\u202A-\u202E\u2028\u2029\u2066-\u2069]/gu;
const INVISIBLE = /^[\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\uFFF9-\uFFFB]*$/u;
const ONE_EMOJI_OR_MORE = /^(?:\p{RGI_Emoji}\s?){1,3}$/v;
const LONG = 600;
const LINES = 12;
const NAMED = 4;

/** Whether there is nothing to see in a text, though it may have characters. */
export const isBlank = (text) => INVISIBLE.test(text);

export const isOnlyEmoji = (text) => text.length < 60 && ONE_EMOJI_OR_MORE.test(text);

/** A text on one line: only the start of a long one, as a browser would lay out all 64 kB. */
export function oneLine(text, length = 200) {
  if (isBlank(text)) return describeBlank(text);
  const line = cut(text, length).replace(/[\r\n]+/g, " ");
  return line.replace(CONTROLS, (control) => ` ${codeOf(control)} `);
}

/** A text as nodes, each control character as a label with its code. */
export function wordsOf(text) {
  if (isBlank(text)) return [describeBlank(text)];
  const lines = text.replace(/\r\n?/g, "\n");
  const controls = [...lines.matchAll(CONTROLS)];
  const starts = [0, ...controls.map(({ index }) => index + 1)];
  return starts.flatMap((start, number) => {
    const control = controls[number];
    const words = lines.slice(start, control?.index);
    return control ? [words, labelOf(control[0])] : [words];
  });
}

/** The start of a text that is long or has many lines, and what its button says; else undefined. */
export function foldOf(text) {
  const lines = text.split(/\r\n?|\n/);
  if (isBlank(text) || (text.length <= LONG && lines.length <= LINES)) return undefined;
  const isTall = lines.length > LINES;
  const size = (isTall ? lines.length : text.length).toLocaleString("en");
  return {
    start: `${cut(lines.slice(0, LINES).join("\n"), LONG).trimEnd()}…`,
    label: `Show all ${size} ${isTall ? "lines" : "characters"}`,
  };
}

/** Cuts between characters: half an emoji would show as a question mark. */
function cut(text, length) {
  const isSplit = /[\uD800-\uDBFF]/.test(text[length - 1]);
  return text.slice(0, isSplit ? length - 1 : length);
}

function describeBlank(text) {
  if (text === "") return "Empty text";
  const codes = [...new Set(text.slice(0, 1_000))].map(codeOf);
  const more = codes.length > NAMED ? ", …" : "";
  return `Blank text (${codes.slice(0, NAMED).join(", ")}${more})`;
}

function labelOf(control) {
  return element("span", { className: "control", title: "Control character" }, codeOf(control));
}

const codeOf = (character) =>
  `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
