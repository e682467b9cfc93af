// SPDX-License-Identifier: Apache-2.0
import { VALUES } from "./values.ts";

/**
 * Lua that says that what a node acked has changed. Put before the scripts that need it.
 *
 * The mark is the time of the change, so that it is another one after each change, and that a reader that was
 * asleep for long cannot settle a change that it has not seen.
 */
export const MARK = String.raw`
local function mark_changed(key, node)
  local time = redis.call('TIME')
  redis.call('HSET', key, node, time[1] .. '.' .. time[2])
end
`;

/**
 * What a node acked. The mark is read before it, in one step with it.
 *
 * KEYS 1 acked, 2 meta, 3 changed   ARGV 1 node
 * Returns {mark or '', 1 when acked is established, acked as a flat list}
 */
export const READ_ACKED = String.raw`
return {
  redis.call('HGET', KEYS[3], ARGV[1]) or '',
  redis.call('HEXISTS', KEYS[2], 'ledger'),
  redis.call('HGETALL', KEYS[1]),
}
`;

/**
 * Takes a node out of the changed ones, unless it has changed again.
 *
 * KEYS 1 changed   ARGV 1 node, 2 mark   Returns 1 when it is out
 */
export const SETTLE = String.raw`
local mark = redis.call('HGET', KEYS[1], ARGV[1])
if mark == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return (not mark or mark == ARGV[2]) and 1 or 0
`;

/**
 * Establishes acked of a node that nothing is known of. Its placement marks go, for what they were computed from is
 * another thing now. Pairs go in pieces, see hset_all.
 *
 * KEYS 1 acked, 2 meta   ARGV (field, body) for each
 * Returns the number of restored entries
 */
export const RESTORE = `${VALUES}${String.raw`
if redis.call('HEXISTS', KEYS[2], 'ledger') == 1 then return 0 end
redis.call('HSET', KEYS[2], 'ledger', 1)
if #ARGV == 0 or redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
  if name:sub(1, 7) == 'placed:' then redis.call('HDEL', KEYS[2], name) end
end
hset_all(KEYS[1], ARGV)
return #ARGV / 2
`}`;
