-- KEYS: the row. ARGV: shift.
return visible(KEYS[1]) or {}
