-- Takes due rows, the longest due first; what has expired meanwhile is due no more.
-- KEYS: the last version, the due rows. ARGV: shift, a version that was seen, how many, the lease in microseconds, what the
-- names of the rows begin with. Touches rows that are not in KEYS; they carry the same hash tag.
local ver = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[2]))
local max, claimed = tonumber(ARGV[3]), {}
-- Always a moment: else a row would be due again at once, and taken twice here.
local ends = now + math.max(tonumber(ARGV[4]), 1)
while #claimed < max do
  local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(now), 'LIMIT', 0, max - #claimed)
  if #due == 0 then break end
  for _, member in ipairs(due) do
    local key = ARGV[5] .. member
    local row = visible(key)
    if row then
      ver = math.max(ver + 1, now)
      local tries = text(math.min(tonumber(row[2]) + 1, 4294967295))
      redis.call('HSET', key, 'v', text(ver), 't', tries, 'd', text(ends))
      redis.call('ZADD', KEYS[2], text(ends), member)
      claimed[#claimed + 1] = { member, text(ver), tries, text(ends - now), row[4] }
    else
      redis.call('ZREM', KEYS[2], member)
    end
  end
end
if #claimed > 0 then redis.call('SET', KEYS[1], text(ver)) end
return claimed
