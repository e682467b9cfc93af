// SPDX-License-Identifier: Apache-2.0

/**
 * Lua that reads the values described in `../values.ts`. Put before the scripts that need it.
 *
 * Scripts are template strings in TypeScript: they survive bundling, and share code, without a loader.
 */
export const VALUES = String.raw`
-- body, where a part begins -> where it ends
local function part_end(body, at)
  local n = body:byte(at)
  if n >= 128 then n = n - 128 end
  return at + n
end
-- body -> its uid part, with the length byte
local function uid_of(body) return body:sub(1, part_end(body, 1)) end
-- body -> uid and digest parts: equal means the same content of the same object
local function content_of(body) return body:sub(1, part_end(body, part_end(body, 1) + 1)) end
-- the same version of the same object, one of them recorded without a digest (an empty text)
local function same_version(recorded, body)
  local uid_end = part_end(recorded, 1)
  if recorded:byte(uid_end + 1) ~= 128 or uid_of(recorded) ~= uid_of(body) then return false end
  return recorded:sub(uid_end + 2) == body:sub(part_end(body, uid_end + 1) + 1)
end
-- uid part -> the uid as people write it, for the name of a field
local function uid_text(part)
  if part:byte(1) >= 128 then return part:sub(2) end
  local hex = part:sub(2):gsub('.', function(c) return string.format('%02x', c:byte()) end)
  return hex:sub(1, 8) .. '-' .. hex:sub(9, 12) .. '-' .. hex:sub(13, 16) .. '-' .. hex:sub(17, 20) .. '-' .. hex:sub(21)
end
local function is_del(want) return want:byte(1) == 100 or want:byte(1) == 68 end
-- a capital letter: something else about this uid may have reached the edge without an ack
local function in_doubt(want) return want:byte(1) < 97 end
local function token_of(want) return want:sub(2, 9) end
local function seq_of(want) return struct.unpack('>I6', want, 10) end
local function body_of(want) return want:sub(16) end
local function make_want(op, token, seq, body) return op .. token .. struct.pack('>I6', seq) .. body end
-- 'scope:key' or 'scope:del:key#uid' -> 'scope:key', and whether it is the del of an old uid
local function acked_field(field)
  local scope, key = field:match('^([^:]+):del:(.+)#[^#]*$')
  if scope then return scope .. ':' .. key, true end
  return field, false
end
-- unpack() has a limit, so long argument lists go in pieces
local function hset_all(key, pairs_list)
  for i = 1, #pairs_list, 2000 do
    redis.call('HSET', key, unpack(pairs_list, i, math.min(i + 1999, #pairs_list)))
  end
end
local function hdel_all(key, fields)
  for i = 1, #fields, 2000 do
    redis.call('HDEL', key, unpack(fields, i, math.min(i + 1999, #fields)))
  end
end
`;
