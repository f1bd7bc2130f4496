import timers from "node:timers";

/**
 * Node's timers as they were when this package was loaded: fake ones, which a consumer's test may put
 * in their place later, must not stop the clock of a delivery.
 */
export const { clearTimeout, setImmediate, setTimeout } = timers;
