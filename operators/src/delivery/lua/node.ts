// SPDX-License-Identifier: Apache-2.0
import { ESTABLISH, MARK } from "./ledger.ts";

/**
 * Forgets a node whose Node object is gone.
 *
 * A session that was never placed is left alone: a new edge connects before it has registered its Node. Any
 * other session ends, so that the edge registers anew.
 *
 * KEYS 1 want, 2 acked, 3 owner, 4 meta, 5 changed, 6 tunnel   ARGV 1 term, 2 node
 * Returns {-1, highest term seen} when the term is stale, {1, owner} when the session was left, else {0, owner or ''}
 */
export const FORGET = `${MARK}${String.raw`
local seen = tonumber(redis.call('HGET', KEYS[4], 'term') or '-1')
if tonumber(ARGV[1]) < seen then return {-1, seen} end
local owner = redis.call('GET', KEYS[3]) or ''
local placed = false
for _, name in ipairs(redis.call('HKEYS', KEYS[4])) do placed = placed or name:sub(1, 7) == 'placed:' end
if owner ~= '' and not placed then return {1, owner} end
if redis.call('EXISTS', KEYS[2]) == 1 then mark_changed(KEYS[5], ARGV[2]) end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[6])
return {0, owner}
`}`;

/**
 * Marks a node as not placed, and forgets what it acked when asked to.
 *
 * KEYS 1 acked, 2 meta, 3 changed   ARGV 1 '1' to forget acked, 2 node, 3... scopes   Returns 0
 */
export const UNPLACE = `${MARK}${ESTABLISH}${String.raw`
for i = 3, #ARGV do redis.call('HDEL', KEYS[2], 'placed:' .. ARGV[i]) end
if ARGV[1] == '1' then
  redis.call('DEL', KEYS[1])
  establish(KEYS[2])
  mark_changed(KEYS[3], ARGV[2])
end
return 0
`}`;

/**
 * Raises the cluster epoch to what an edge has seen; 1 at first.
 *
 * KEYS 1 cluster   ARGV 1 epoch of the edge   Returns the epoch
 */
export const JOIN_EPOCH = String.raw`
local have = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
local epoch = math.max(have, tonumber(ARGV[1]), 1)
if epoch > have then redis.call('HSET', KEYS[1], 'epoch', epoch) end
return epoch
`;

/**
 * Records a resourceVersion of a consistent read.
 *
 * Reads overtake each other, so a lower version than the highest proves a restored etcd only when nobody has seen
 * a higher one for longer than a read can take.
 *
 * KEYS 1 cluster   ARGV 1 resourceVersion, 2 that time in milliseconds
 * Returns {epoch, 1 when it was raised by this call}
 */
export const OBSERVE = String.raw`
local rv, confirm = ARGV[1], tonumber(ARGV[2])
local have = redis.call('HMGET', KEYS[1], 'epoch', 'rv', 'rv_at')
local epoch, high, at = tonumber(have[1] or '1'), have[2], tonumber(have[3] or '0')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lower = high and (#rv < #high or (#rv == #high and rv < high))
if lower and now - at < confirm then return {epoch, 0} end
if lower then epoch = epoch + 1 end
redis.call('HSET', KEYS[1], 'epoch', epoch, 'rv', rv, 'rv_at', string.format('%.0f', now))
return {epoch, lower and 1 or 0}
`;
