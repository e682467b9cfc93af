// SPDX-License-Identifier: Apache-2.0
import { ESTABLISH, MARK } from "./ledger.ts";
import { VALUES } from "./values.ts";

/** 1 when every scope of the list was placed since the last request; run with the list in ARGV[from..to]. */
const PLACED = String.raw`
local function pending(meta_key, from, to)
  for i = from, to do
    if redis.call('HEXISTS', meta_key, 'placed:' .. ARGV[i]) == 0 then return 1 end
  end
  return 0
end
`;

/**
 * Takes a node's session over.
 *
 * KEYS 1 acked, 2 owner, 3 meta
 * ARGV 1 hub, 2 connection, 3 the edge's session epoch, 4... scopes
 * Returns {previous owner or '', session epoch, 1 when a placement is missing, 1 when the node is not in the set
 *   of known nodes yet, acked as a flat list}
 */
export const FENCE = `${PLACED}${String.raw`
local previous = redis.call('GET', KEYS[2]) or ''
local epoch = math.max(tonumber(redis.call('HGET', KEYS[3], 'epoch') or '0'), tonumber(ARGV[3])) + 1
local text = string.format('%.0f', epoch)
redis.call('HSET', KEYS[3], 'epoch', text)
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. text)
local known = redis.call('HEXISTS', KEYS[3], 'known')
return {previous, text, pending(KEYS[3], 4, #ARGV), 1 - known, redis.call('HGETALL', KEYS[1])}
`}`;

/**
 * Gives a session up.
 *
 * KEYS 1 owner   ARGV 1 owner   Returns 1 when it was held, else 0
 */
export const RELEASE = String.raw`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`;

/**
 * Hands out what is wanted, oldest first. Hides a key of which something is in flight, and a put while the del
 * of an old uid of its key waits. An empty mailbox costs three reads.
 *
 * KEYS 1 want, 2 acked, 3 owner, 4 meta
 * ARGV 1 owner, 2 limit, 3 number of scopes n, 4..3+n scopes, then the fields in flight
 * Returns {-1} when somebody else holds the session, else
 *   {0, number of fields in want, 1 when a placement is missing, then (field, value, 1 when the edge has no
 *    version of it) for each}
 */
export const TAKE = `${VALUES}${PLACED}${String.raw`
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return {-1} end
local limit, scopes = tonumber(ARGV[2]), tonumber(ARGV[3])
local answer = {0, redis.call('HLEN', KEYS[1]), pending(KEYS[4], 4, 3 + scopes)}
if answer[2] == 0 or limit == 0 then return answer end

local busy, blocked, found = {}, {}, {}
for i = 4 + scopes, #ARGV do busy[acked_field(ARGV[i])] = true end
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  local key, old = acked_field(flat[i])
  if old then blocked[key] = true end
  found[#found + 1] = {flat[i], flat[i + 1], key, seq_of(flat[i + 1]), old}
end
table.sort(found, function(x, y) return x[4] < y[4] end)
local taken, sent = 0, 0
for _, want in ipairs(found) do
  if taken == limit then break end
  if not busy[want[3]] and (want[5] or not blocked[want[3]]) then
    local n = #answer
    answer[n + 1], answer[n + 2] = want[1], want[2]
    answer[n + 3] = 1 - redis.call('HEXISTS', KEYS[2], want[3])
    taken, sent = taken + 1, math.max(sent, want[4])
    busy[want[3]] = true -- two old uids of one key: the second waits for the first
  end
end
if sent > tonumber(redis.call('HGET', KEYS[4], 'sent') or '0') then redis.call('HSET', KEYS[4], 'sent', sent) end
return answer
`}`;

/**
 * Records what the edge made durable.
 *
 * A want goes only if its token is the one that was sent. A put is recorded in any case, for the edge does hold
 * that version; a del removes only the uid that it names.
 *
 * KEYS 1 want, 2 acked, 3 owner, 4 meta, 5 changed
 * ARGV 1 owner, 2 node, then (field, token, 'p' or 'd', body) for each
 * Returns -1 when somebody else holds the session, else the number of puts that nothing here had asked for: the
 *   record was lost meanwhile and a placement is needed (its marks are removed)
 */
export const ACK = `${VALUES}${MARK}${String.raw`
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return -1 end
local unasked, changed = 0, false
for i = 3, #ARGV, 4 do
  local field, token, op, body = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local key = acked_field(field)
  local want, acked = redis.call('HGET', KEYS[1], field), redis.call('HGET', KEYS[2], key)
  if want and token_of(want) == token then redis.call('HDEL', KEYS[1], field) end
  if op == 'd' then
    if acked and uid_of(acked) == uid_of(body) then
      redis.call('HDEL', KEYS[2], key)
      changed = true
    end
  elseif acked ~= body then
    redis.call('HSET', KEYS[2], key, body)
    changed = true
    if not want and not (acked and content_of(acked) == content_of(body)) then unasked = unasked + 1 end
  end
end
if changed then mark_changed(KEYS[5], ARGV[2]) end
if unasked > 0 then
  for _, name in ipairs(redis.call('HKEYS', KEYS[4])) do
    if name:sub(1, 7) == 'placed:' then redis.call('HDEL', KEYS[4], name) end
  end
end
return unasked
`}`;

/**
 * Puts the edge's inventory in the place of what was recorded.
 *
 * KEYS 1 want, 2 acked, 3 owner, 4 meta, 5 changed
 * ARGV 1 owner, 2 node, 3 number of scopes n, 4..3+n scopes (their placement is asked anew), then (field, body) for
 *   each
 * Returns -1 when somebody else holds the session, else the number of wants that turned out satisfied
 */
export const REPLACE_ACKED = `${VALUES}${MARK}${ESTABLISH}${String.raw`
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return -1 end
local scopes, acked, entries, drops = tonumber(ARGV[3]), {}, {}, {}
for i = 4, 3 + scopes do redis.call('HDEL', KEYS[4], 'placed:' .. ARGV[i]) end
for i = 4 + scopes, #ARGV, 2 do
  acked[ARGV[i]] = ARGV[i + 1]
  entries[#entries + 1] = ARGV[i]
  entries[#entries + 1] = ARGV[i + 1]
end
redis.call('DEL', KEYS[2])
hset_all(KEYS[2], entries)
establish(KEYS[4])
mark_changed(KEYS[5], ARGV[2])
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  local held, body = acked[acked_field(flat[i])], body_of(flat[i + 1])
  local done
  if is_del(flat[i + 1]) then done = not held or uid_of(held) ~= uid_of(body)
  else done = held and content_of(held) == content_of(body) end
  if done then drops[#drops + 1] = flat[i] end
end
hdel_all(KEYS[1], drops)
return #drops
`}`;
