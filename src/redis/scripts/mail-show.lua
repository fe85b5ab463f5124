-- Keeps a mail of local mode to be shown, unless one with its id was kept already.
--
-- KEYS   the mails that are shown: id and sealed content, joined by a dot, by the time; the mail
-- ARGV   id, sealed content, most mails kept, how long they are kept in ms
-- Gives  1 when it is new, 0 when it is not
local shown, mail = KEYS[1], KEYS[2]
local id, content, most, kept = unpack(ARGV)
if not redis.call('SET', mail, 'shown', 'NX', 'PX', kept) then return 0 end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Later than the one before, also within one millisecond, so that they stay in their order.
local before = redis.call('ZRANGE', shown, -1, -1, 'WITHSCORES')[2]
if before and tonumber(before) >= now then now = before + 1 end
redis.call('ZADD', shown, now, id .. '.' .. content)
redis.call('ZREMRANGEBYSCORE', shown, '-inf', now - kept)
redis.call('ZREMRANGEBYRANK', shown, 0, -1 - most)
redis.call('PEXPIRE', shown, kept)
return 1
