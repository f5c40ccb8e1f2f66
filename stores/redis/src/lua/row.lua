-- The row at `key` as it stands: version, tries, microseconds until it is due ('' if never), body; nil if it is not visible.
local function visible(key)
  local row = redis.call('HMGET', key, 'v', 't', 'd', 'k', 'b')
  if not row[1] or (row[4] and tonumber(row[4]) <= now) then return nil end
  local due = row[3] and text(math.max(tonumber(row[3]) - now, 0)) or ''
  return { row[1], row[2], due, row[5] }
end
