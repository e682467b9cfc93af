// SPDX-License-Identifier: Apache-2.0

/**
 * What a node has of some objects. One step, so that a want that becomes acked meanwhile is seen as one or the other.
 *
 * KEYS 1 want, 2 acked, 3 owner, 4 meta
 * ARGV 1 what heartbeat keys begin with, then (field, field of the del of its uid) for each
 * Returns {1 when a live hub holds the session, 1 when acked is established, then (acked body or '', 1 when
 *   something about it is wanted) for each}
 */
export const STANDING = String.raw`
local hub = (redis.call('GET', KEYS[3]) or ''):match('^%S+')
local answer = {hub and redis.call('EXISTS', ARGV[1] .. hub) or 0, redis.call('HEXISTS', KEYS[4], 'ledger')}
for i = 2, #ARGV, 2 do
  answer[#answer + 1] = redis.call('HGET', KEYS[2], ARGV[i]) or ''
  answer[#answer + 1] =
    math.max(redis.call('HEXISTS', KEYS[1], ARGV[i]), redis.call('HEXISTS', KEYS[1], ARGV[i + 1]))
end
return answer
`;
