-- Keeps pods from starting while a backup is put into this Redis.
--
-- KEYS[1]  the schema: hash
-- ARGV[1]  begin  when there is no schema, and so no provider
--          seize  whatever is here, which is going to be taken away
-- ARGV[2]  the backup's id
-- Gives    'begun'; 'taken' when there is data here; 'other' when a restore has begun here

local restoring = redis.call('HEXISTS', KEYS[1], 'restore') == 1
local isSeized = ARGV[1] == 'seize'
if restoring and not isSeized then return 'other' end
if not isSeized and redis.call('EXISTS', KEYS[1]) == 1 then return 'taken' end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', KEYS[1], 'restore', ARGV[2], 'begun', now)
redis.call('HSET', KEYS[1], 'step', isSeized and 'clearing' or 'loading', 'chunk', 0)
return 'begun'
