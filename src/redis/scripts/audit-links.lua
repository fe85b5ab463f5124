-- The chain of a trail as it is at one moment.
--
-- KEYS[1]  the chain: list
-- KEYS[2]  its anchor
-- KEYS[3]  the trail: stream
-- KEYS[4]  the record of its beginning
-- Gives    { the anchor, the id of the latest entry, the beginning, links… }
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
local reply = { redis.call('GET', KEYS[2]) or '', newest and newest[1] or '0-0', redis.call('GET', KEYS[4]) or '' }
for _, link in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do reply[#reply + 1] = link end
return reply
