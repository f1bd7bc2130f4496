const format = (options) => new Intl.DateTimeFormat("en-GB", options);
const clock = format({ hour: "2-digit", minute: "2-digit" });
const exact = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayThisYear = format({ weekday: "long", day: "numeric", month: "long" });
const dayOtherYear = format({ day: "numeric", month: "long", year: "numeric" });
const shortThisYear = format({ day: "numeric", month: "short" });
const shortOtherYear = format({ day: "numeric", month: "short", year: "numeric" });

/** 14:57 */
export const clockTime = (time) => clock.format(time);

/** Today, Monday 12 February, or 12 February 2018. */
export function dayName(time) {
  if (isToday(time)) return "Today";
  return (isThisYear(time) ? dayThisYear : dayOtherYear).format(time);
}

/** 14:57, 12 Feb, or 12 Feb 2018. */
export function shortTime(time) {
  if (isToday(time)) return clockTime(time);
  return (isThisYear(time) ? shortThisYear : shortOtherYear).format(time);
}

/** 14:57:11, or 12 Feb, 14:57:11. */
export function exactTime(time) {
  return isToday(time) ? exact.format(time) : `${shortTime(time)}, ${exact.format(time)}`;
}

/** Compares days as numbers: each text is checked many times, and formatting dates is slow. */
const isToday = (time) => startOfDay(time) === startOfDay(Date.now());
const startOfDay = (time) => new Date(time).setHours(0, 0, 0, 0);
const isThisYear = (time) => new Date(time).getFullYear() === new Date().getFullYear();
