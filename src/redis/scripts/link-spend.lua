-- Spends a link for one thing, once. Who spent it may ask again for the same thing until it runs out: the pod that
-- was to do it may have been killed.
--
-- KEYS[1]  the link
-- ARGV     hash of its secret, id of the completion, hash of the browser (or empty), hash of what it is spent
--          for, ms for which it may be asked again
-- Gives    'gone' | 'superseded' | 'spent', or 'ok' with the id of the completion, the sealed content, and
--          1 when it was spent before
local link = redis.call('HMGET', KEYS[1], 'secret', 'content', 'completion', 'browser', 'what')
local secret, content, completion, browser, what = link[1], link[2], link[3], link[4], link[5]

if not secret then return { 'gone' } end
if secret ~= ARGV[1] then return { 'superseded' } end
if completion then
  if browser ~= '' and browser == ARGV[3] and what == ARGV[4] then return { 'ok', completion, content, 1 } end
  return { 'spent' }
end
redis.call('HSET', KEYS[1], 'completion', ARGV[2], 'browser', ARGV[3], 'what', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return { 'ok', ARGV[2], content, 0 }
