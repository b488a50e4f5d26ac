/**
 * Loaded before a service's own code (`node --require`): its calendar is ahead by SHARDLITE_CALENDAR_AHEAD_MS, as if somebody
 * had set the clock; and it runs as many times faster as SHARDLITE_CALENDAR_SPEED says, as if the machine were suspended in
 * between: its uptime tells so, else nobody would believe the clock. What is counted in days (expiry, names of clients) then
 * happens within minutes; timers stay as they are.
 */

const os = require('node:os');
const { syncBuiltinESMExports } = require('node:module');

const realNow = Date.now;
const realUptime = os.uptime;
const aheadMs = Number(process.env.SHARDLITE_CALENDAR_AHEAD_MS ?? 0);
const speed = Number(process.env.SHARDLITE_CALENDAR_SPEED ?? 1);
// All processes agree: they count from the start of the soak.
const originMs = Number(process.env.SHARDLITE_CALENDAR_ORIGIN ?? realNow());

const skippedMs = () => (realNow() - originMs) * (speed - 1);

Date.now = () => Math.floor(realNow() + skippedMs()) + aheadMs;
os.uptime = () => realUptime() + skippedMs() / 1_000;
syncBuiltinESMExports();
