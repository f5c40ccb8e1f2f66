-- Visible rows by part and id. KEYS: the list, or that of what is or will be due. ARGV: shift, after which member ('' for the first), how many, what the names of the
-- rows begin with. Touches rows that are not in KEYS; they carry the same hash tag.
local max, page = tonumber(ARGV[3]), {}
local from = ARGV[2] == '' and '-' or '(' .. ARGV[2]
while #page < max do
  local members = redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', 0, max - #page)
  if #members == 0 then break end
  for _, member in ipairs(members) do
    local row = visible(ARGV[4] .. member)
    if row then page[#page + 1] = { member, row[1], row[2], row[3], row[4] } end
    from = '(' .. member
  end
end
return page
