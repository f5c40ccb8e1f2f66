-- Writes all rows or none, and remembers the answer under the commit's name.
-- KEYS: the answer, the last version; for each row: itself, its space's list, due rows, kept rows, kept due rows, list of due rows.
-- ARGV: shift, a version that was seen, milliseconds to remember the answer;
--       for each row: the version expected ('' for absent), due and kept in microseconds ('' for never and for ever), member, body.
local remembered = redis.call('GET', KEYS[1])
if remembered then return cmsgpack.unpack(remembered) end

local rows = (#KEYS - 2) / 6
for n = 0, rows - 1 do
  local row = visible(KEYS[6 * n + 3])
  if (row and row[1] or '') ~= ARGV[5 * n + 4] then
    local lost = { 'lost', text(n) }
    for _, word in ipairs(row or {}) do lost[#lost + 1] = word end
    redis.call('SET', KEYS[1], cmsgpack.pack(lost), 'PX', ARGV[3])
    return lost
  end
end

-- Above the last, above what the caller has seen and above the clock: no version comes back, even if the last one was lost.
local ver = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[2]))
local done = { 'done' }
for n = 1, rows do
  ver = math.max(ver + 1, now)
  done[n + 1] = text(ver)
end
-- The first write is one that a server without room refuses: after it, the others are not refused.
redis.call('SET', KEYS[1], cmsgpack.pack(done), 'PX', ARGV[3])
redis.call('SET', KEYS[2], text(ver))
for n = 0, rows - 1 do
  local row, list, due, kept, kept_due, open = unpack(KEYS, 6 * n + 3, 6 * n + 8)
  local _, due_in, keep_in, member, body = unpack(ARGV, 5 * n + 4, 5 * n + 8)
  -- What stands there, visible or not: a new row has nothing to leave behind.
  local before = redis.call('HMGET', row, 'v', 'd', 'k')
  if before[1] then
    redis.call('DEL', row)
    if before[2] then
      redis.call('ZREM', due, member)
      redis.call('ZREM', open, member)
    end
    if before[3] then
      redis.call('ZREM', kept, member)
      redis.call('ZREM', kept_due, member)
    end
  else
    redis.call('ZADD', list, 0, member)
  end
  local fields = { 'v', done[n + 2], 't', '0', 'b', body }
  if due_in ~= '' then
    local at = text(now + due_in)
    fields[7], fields[8] = 'd', at
    redis.call('ZADD', due, at, member)
    redis.call('ZADD', open, 0, member)
  end
  if keep_in ~= '' then
    local at = text(now + keep_in)
    fields[#fields + 1], fields[#fields + 2] = 'k', at
    redis.call('ZADD', due_in ~= '' and kept_due or kept, at, member)
  end
  redis.call('HSET', row, unpack(fields))
end
return done
