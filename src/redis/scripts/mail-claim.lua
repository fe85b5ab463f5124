-- Leases mails that are due: their next try moves to the end of the lease, when others may take them.
-- That time is also what tells the lease of one worker from that of the next.
--
-- KEYS   the outbox: mail ids by the time of the next try
-- ARGV   most mails wanted, length of the lease in ms
-- Gives  the end of the lease, then the ids; nothing when none is due
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
if #ids == 0 then return {} end

local lease = string.format('%.0f', now + ARGV[2])
for _, id in ipairs(ids) do
  redis.call('ZADD', KEYS[1], lease, id)
end
return { lease, unpack(ids) }
