/**
 * Loaded before a service's own code (`node --require`): its calendar runs as many times faster as SHARDLITE_CALENDAR_SPEED
 * says. What is counted in days (expiry, names of clients) then happens within minutes; timers stay as they are.
 */

const realNow = Date.now;
const beganAtMs = realNow();
const speed = Number(process.env.SHARDLITE_CALENDAR_SPEED);
// All processes agree: they count from the start of the soak.
const originMs = Number(process.env.SHARDLITE_CALENDAR_ORIGIN ?? beganAtMs);

Date.now = () => Math.floor(originMs + (realNow() - originMs) * speed);
