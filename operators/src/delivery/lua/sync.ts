// SPDX-License-Identifier: Apache-2.0
import { VALUES } from "./values.ts";

/**
 * Makes the given references the whole of one scope of a node.
 *
 * KEYS 1 want, 2 acked, 3 owner, 4 meta
 * ARGV 1 scope, 2 term, 3 token (8 random bytes), 4 '1' when acked must be established, then (key, body) for each
 *   reference, each key once
 * Returns {-1, highest term seen} when the term is stale, {-2} when acked is not established but must be, else
 *   {0, puts written, dels written, hub that owns the session or '', 1 when the owner has something to do,
 *    1 when the node is not in the set of known nodes yet}
 *
 * `sent` in meta is the highest place in the queue that was ever handed to a hub. A want behind it may have
 * reached the edge without an ack, so it is taken back with a del; a want after it never left, and is just
 * removed. That keeps the mailbox of a node that is offline for a month as small as on its first day.
 */
export const SYNC = `${VALUES}${String.raw`
local want_key, acked_key, owner_key, meta_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local scope, term, token = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local meta = redis.call('HMGET', meta_key, 'term', 'seq', 'sent', 'placed:' .. scope, 'known', 'ledger')
local seen = tonumber(meta[1] or '-1')
if term < seen then return {-1, seen} end
if not meta[6] and ARGV[4] == '1' then return {-2} end
local seq, sent = tonumber(meta[2] or '0'), tonumber(meta[3] or '0')
local first_seq = seq

-- What is there: acked bodies, wants and dels of old uids, of this scope, by key
local head = scope .. ':'
local acked, wants, old_dels = {}, {}, {}
local flat = redis.call('HGETALL', acked_key)
for i = 1, #flat, 2 do
  if flat[i]:sub(1, #head) == head then acked[flat[i]:sub(#head + 1)] = flat[i + 1] end
end
flat = redis.call('HGETALL', want_key)
local left = 0
for i = 1, #flat, 2 do
  local field = flat[i]
  if field:sub(1, #head) == head then
    left = left + 1
    local key, uid = field:match('^[^:]+:del:(.+)#([^#]*)$')
    if key then
      old_dels[key] = old_dels[key] or {}
      old_dels[key][uid] = flat[i + 1]
    else
      wants[field:sub(#head + 1)] = flat[i + 1]
    end
  end
end

local sets, drops, puts, dels = {}, {}, 0, 0
local function next_seq() seq = seq + 1; return seq end
local function set(field, value) sets[#sets + 1] = field; sets[#sets + 1] = value end
local function drop(field) drops[#drops + 1] = field end
local function maybe_sent(want) return in_doubt(want) or seq_of(want) <= sent end
-- doubt: something else about this uid may have reached the edge, so that acked proves nothing
local function put(key, place, body, doubt)
  set(head .. key, make_want(doubt and 'P' or 'p', token, place, body))
  puts = puts + 1
end
local function del(field, body, doubt)
  set(head .. field, make_want(doubt and 'D' or 'd', token, next_seq(), body))
  dels = dels + 1
end

-- A del of an old uid beside the key, once
local function del_old(key, body, doubt)
  local uid = uid_text(uid_of(body))
  if old_dels[key] and old_dels[key][uid] then return end
  old_dels[key] = old_dels[key] or {}
  old_dels[key][uid] = true
  del('del:' .. key .. '#' .. uid, body, doubt)
end

-- The wanted uid is back while its own del is pending: takes that del away.
-- Returns whether the edge may have done it, and whether there was one.
local function undo_del(key, body)
  local pending = old_dels[key] and old_dels[key][uid_text(uid_of(body))]
  if type(pending) ~= 'string' then return false, false end
  drop(head .. 'del:' .. key .. '#' .. uid_text(uid_of(body)))
  return maybe_sent(pending), true
end

local function want_object(key, body)
  local a, w = acked[key], wants[key]
  local uid, content = uid_of(body), content_of(body)
  local force, doubt = undo_del(key, body)
  -- restored from a record that has no digest: from now on it is known
  if a and same_version(a, body) then
    redis.call('HSET', acked_key, head .. key, body)
    a = body
  end
  local satisfied = a and content_of(a) == content and not force
  if a and uid_of(a) ~= uid then del_old(key, a) end
  if not w then
    if not satisfied then put(key, next_seq(), body, doubt) end
    return
  end
  local wanted = body_of(w)
  if uid_of(wanted) ~= uid then
    if is_del(w) or maybe_sent(w) then del_old(key, wanted, maybe_sent(w)) end
    put(key, next_seq(), body, doubt)
  elseif satisfied and not maybe_sent(w) then drop(head .. key)
  elseif is_del(w) then put(key, next_seq(), body, true)
  elseif content_of(wanted) ~= content then put(key, seq_of(w), body, doubt or maybe_sent(w))
  end
end

local function want_nothing(key)
  local a, w = acked[key], wants[key]
  local free = true
  local function remove(body, doubt)
    local uid = uid_text(uid_of(body))
    if old_dels[key] and old_dels[key][uid] then return end
    if not free then del_old(key, body, doubt); return end
    free = false
    del(key, body, doubt)
  end
  if w and is_del(w) then
    free = false
    if a and uid_of(a) ~= uid_of(body_of(w)) then remove(a) end
    return
  end
  if w and maybe_sent(w) then remove(body_of(w), true) end
  if a and not (w and not free and uid_of(a) == uid_of(body_of(w))) then remove(a) end
  if w and free then drop(head .. key) end
end

local given = {}
for i = 5, #ARGV, 2 do
  given[ARGV[i]] = true
  want_object(ARGV[i], ARGV[i + 1])
end
local gone = {}
for key in pairs(wants) do if not given[key] then gone[key] = true end end
for key in pairs(acked) do if not given[key] then gone[key] = true end end
for key in pairs(gone) do want_nothing(key) end

hdel_all(want_key, drops)
hset_all(want_key, sets)
if seq > first_seq then redis.call('HSET', meta_key, 'seq', seq) end
if term > seen then redis.call('HSET', meta_key, 'term', term) end
if not meta[4] then redis.call('HSET', meta_key, 'placed:' .. scope, 1) end
if not meta[6] then redis.call('HSET', meta_key, 'ledger', 1) end
local todo = left > 0 or #sets > 0 or not meta[4]
local owner = redis.call('GET', owner_key)
local hub = owner and owner:match('^%S+') or ''
return {0, puts, dels, hub, todo and 1 or 0, meta[5] and 0 or 1}
`}`;
