-- Counts a space on its indexes. KEYS: the list, the due rows, the kept rows, the kept due rows, the list of due rows. ARGV: shift.
-- Answers: visible rows, due rows, microseconds since the oldest was due ('' if none is).
local upto = text(now)
local expired = redis.call('ZCOUNT', KEYS[3], '-inf', upto) + redis.call('ZCOUNT', KEYS[4], '-inf', upto)
local due = redis.call('ZCOUNT', KEYS[2], '-inf', upto)
local gone = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', upto)) do
  local at = redis.call('ZSCORE', KEYS[2], member)
  if at and tonumber(at) <= now then
    due = due - 1
    gone[member] = true
  end
end
local oldest, skip = '', 0
while due > 0 and oldest == '' do
  local first = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', upto, 'WITHSCORES', 'LIMIT', skip, 1)
  if #first == 0 then break end
  if not gone[first[1]] then oldest = text(now - first[2]) end
  skip = skip + 1
end
return { text(redis.call('ZCARD', KEYS[1]) - expired), text(due), oldest }
