// SPDX-License-Identifier: Apache-2.0

/**
 * Which live hubs may hold a node: that of its stream tunnel, that of its session.
 *
 * KEYS 1 tunnel, 2 owner   ARGV 1 the hub that asks, 2 what heartbeat keys begin with
 * Returns (hub, address) for each other hub that tells its address
 */
export const HUBS_OF = String.raw`
local answer, seen = {}, {[ARGV[1]] = true}
for _, key in ipairs(KEYS) do
  local hub = (redis.call('GET', key) or ''):match('^%S+')
  if hub and not seen[hub] then
    seen[hub] = true
    local address = redis.call('GET', ARGV[2] .. hub) or ''
    if address:find(':', 1, true) then
      answer[#answer + 1] = hub
      answer[#answer + 1] = address
    end
  end
end
return answer
`;

/**
 * Records whose stream tunnel a node's is; a tunnel that began later wins. The value is `hub connection since`.
 *
 * KEYS 1 tunnel   ARGV 1 hub and connection, 2 when the tunnel began, by an earlier answer to this; 0: now
 * Returns when it began, in microseconds of Redis's clock
 */
export const HOLD_TUNNEL = String.raw`
local since = ARGV[2]
if since == '0' then
  local time = redis.call('TIME')
  since = string.format('%.0f', time[1] * 1000000 + time[2])
else
  local held = (redis.call('GET', KEYS[1]) or ''):match(' (%d+)$')
  if held and tonumber(held) > tonumber(since) then return since end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. since)
return since
`;

/**
 * Takes a stream tunnel out, if it still is this connection's.
 *
 * KEYS 1 tunnel   ARGV 1 hub and connection   Returns 1 when it was, else 0
 */
export const RELEASE_TUNNEL = String.raw`
local held = redis.call('GET', KEYS[1]) or ''
if held:sub(1, #ARGV[1] + 1) == ARGV[1] .. ' ' then return redis.call('DEL', KEYS[1]) end
return 0
`;
