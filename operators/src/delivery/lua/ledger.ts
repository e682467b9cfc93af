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
 * Lua that says in meta that acked is the truth, and for which process of Redis: another one may have come back
 * without the newest writes. Put before the scripts that need it.
 */
export const ESTABLISH = String.raw`
local function run_id() return redis.call('INFO', 'server'):match('run_id:(%x+)') end
local function establish(meta_key) redis.call('HSET', meta_key, 'ledger', run_id()) end
local function unplace(meta_key)
  for _, name in ipairs(redis.call('HKEYS', meta_key)) do
    if name:sub(1, 7) == 'placed:' then redis.call('HDEL', meta_key, name) end
  end
end
`;

/**
 * What a node acked. The mark is read before it, in one step with it.
 *
 * KEYS 1 acked, 2 meta, 3 changed   ARGV 1 node
 * Returns {mark or '', 0 when acked is not established, 1 when it is, 2 when it was in another process of Redis,
 *   acked as a flat list}
 */
export const READ_ACKED = `${ESTABLISH}${String.raw`
local ledger = redis.call('HGET', KEYS[2], 'ledger')
local state = not ledger and 0 or (ledger == run_id() and 1 or 2)
return {redis.call('HGET', KEYS[3], ARGV[1]) or '', state, redis.call('HGETALL', KEYS[1])}
`}`;

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
export const RESTORE = `${VALUES}${ESTABLISH}${String.raw`
if redis.call('HEXISTS', KEYS[2], 'ledger') == 1 then return 0 end
establish(KEYS[2])
if #ARGV == 0 or redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
unplace(KEYS[2])
hset_all(KEYS[1], ARGV)
return #ARGV / 2
`}`;

/**
 * Puts what is in doubt in the place of what is acked, and establishes the rest, unless the node has changed since
 * it was read.
 *
 * KEYS 1 acked, 2 meta, 3 changed   ARGV 1 node, 2 mark, then (field, body) for each
 * Returns 1 when it is done, 0 when the node has changed
 */
export const DOUBT = `${VALUES}${MARK}${ESTABLISH}${String.raw`
if (redis.call('HGET', KEYS[3], ARGV[1]) or '') ~= ARGV[2] then return 0 end
establish(KEYS[2])
local entries = {}
for i = 3, #ARGV do entries[#entries + 1] = ARGV[i] end
if #entries == 0 then return 1 end
unplace(KEYS[2])
hset_all(KEYS[1], entries)
mark_changed(KEYS[3], ARGV[1])
return 1
`}`;
