-- Begins a request that carries an idempotency key, unless it was begun before.
--
-- KEYS[1]  the record of the key
-- ARGV     digest of the request, name of this try, ms for which nobody else takes it up, ms for which it is kept, what
--          its secrets follow from, sealed
-- Gives    'mine', or 'again' when an earlier try has begun and not ended, each with what the secrets of the first try
--          follow from; 'answer' with the sealed answer; 'busy' with the ms that are left to the other try; 'other'
--          when the key was used for another request
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local record = redis.call('HMGET', KEYS[1], 'digest', 'answer', 'until')
if record[1] and record[1] ~= ARGV[1] then return { 'other' } end
if record[2] then return { 'answer', record[2] } end
local left = tonumber(record[3] or '0') - now
if left > 0 then return { 'busy', left } end
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'try', ARGV[2], 'until', string.format('%d', now + ARGV[3]))
redis.call('HSETNX', KEYS[1], 'seed', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { record[1] and 'again' or 'mine', redis.call('HGET', KEYS[1], 'seed') }
