/** Masks a number: 1555•••34. Always three dots, so that they do not reveal the length. */
export function mask(number) {
  const [, plus, digits] = /^(\+?)(.*)$/s.exec(number);
  const start = digits.length >= 8 ? digits.slice(0, 4) : "";
  const end = digits.length >= 4 ? digits.slice(-2) : "";
  return `${plus}${start}•••${end}`;
}

/** Which numbers are shown in full, everywhere on the page. */
export function createNumbers() {
  const shown = new Set();
  return {
    isShown: (number) => shown.has(number),
    label: (number) => (shown.has(number) ? number : mask(number)),
    toggle(number) {
      if (!shown.delete(number)) shown.add(number);
    },
  };
}
