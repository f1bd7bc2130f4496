import { partyOf } from "./conversations.js";
import { createSvg, element, setText } from "./element.js";
import { shortTime } from "./times.js";

const byId = (id) => document.getElementById(id);

/**
 * The head of the chosen session: its facts, and a button for each party that shows or masks the
 * party's number.
 */
export function createChatHead({ numbers, onChange }) {
  const head = byId("parties");

  function render(session) {
    session.parties.forEach((number, index) => {
      const button = head.children[index] ?? head.appendChild(createNumberButton(session, number));
      const isShown = numbers.isShown(number);
      setText(button.querySelector(".number"), numbers.label(number));
      button.setAttribute("aria-pressed", isShown);
      button.title = isShown ? "Hide the number" : "Show the whole number";
    });
    const { length } = session.texts;
    const count = length === 1 ? "1 text" : `${length.toLocaleString("en")} texts`;
    const since = shortTime(session.texts[0].sentAt);
    setText(byId("session-facts"), `${count} since ${since} · session ${session.id}`);
  }

  function createNumberButton(session, number) {
    const button = element(
      "button",
      { type: "button", className: "party" },
      createBadge(partyOf(session, number)),
      " ",
      element("span", { className: "number" }),
      element("span", { className: "visually-hidden" }, ", show the whole number"),
      createEye(),
    );
    button.addEventListener("click", () => {
      numbers.toggle(number);
      onChange();
    });
    return button;
  }

  return { render, clear: () => head.replaceChildren() };
}

/** The letter of a party, in its colour. */
export function createBadge(party) {
  const badge = element("span", { className: "badge" }, party);
  badge.dataset.party = party;
  return badge;
}

function createEye() {
  return createSvg(
    "svg",
    { class: "icon", viewBox: "0 0 20 20", "aria-hidden": true },
    createSvg("path", {
      d: "M1.5 10S4.5 4.5 10 4.5 18.5 10 18.5 10 15.5 15.5 10 15.5 1.5 10 1.5 10Z",
    }),
    createSvg("circle", { cx: 10, cy: 10, r: 2.5 }),
    createSvg("path", { d: "M3.5 17 16.5 3", class: "eye-strike" }),
  );
}
