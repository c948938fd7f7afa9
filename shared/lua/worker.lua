-- What a worker has beside its calls: upstream sessions of owners, backends that it follows for all.

-- KEYS holder holders lease queue; ARGV worker, hold ms, memory ms, job id, owner of the lease, share, queue ttl ms, mark ms
-- Makes sure that the worker that runs a job holds the upstream session of the job's owner. Gives 1 (it did already), 2 (it
-- does now, nobody did before), 3 (it does now, another did), 0 (another one does: the job is moved to its part, unexecuted),
-- -1 (the lease is lost).
local function hold(keys, args)
  if redis.call('GET', keys[3]) ~= args[5] then return -1 end
  local holder = redis.call('GET', keys[1])
  if holder == args[1] then
    redis.call('PEXPIRE', keys[1], args[2])
    return 1
  end
  if holder and alive(keys[4], holder) then
    local id, share, ttl = args[4], args[6], args[7]
    local part = part_for(keys[4]:match('^[^@]+') .. '@' .. holder)
    local now = now_us()
    redis.call('DEL', keys[3])
    note_return(id, args[8])
    redis.call('ZREM', keys[4], id)
    redis.call('ZADD', part, math.floor(now / 1000), id)
    redis.call('PEXPIRE', part, ttl)
    redis.call('RPUSH', part .. ':waiting:' .. share, id)
    redis.call('PEXPIRE', part .. ':waiting:' .. share, ttl)
    redis.call('ZADD', part .. ':turns', 'NX', now, share)
    redis.call('PEXPIRE', part .. ':turns', ttl)
    ring(part, ttl)
    return 0
  end
  redis.call('SET', keys[1], args[1], 'PX', args[2])
  local count = redis.call('INCR', keys[2])
  redis.call('PEXPIRE', keys[2], args[3])
  return count > 1 and 3 or 2
end

-- KEYS leases of a worker itself (upstream sessions that it holds, backends that it follows); ARGV worker, lease ms
-- Takes those that are free, renews those that are its own. Gives for each 1, or 0 when another has it.
local function keep(keys, args)
  local kept = {}
  for i, key in ipairs(keys) do
    local who = redis.call('GET', key)
    if who == args[1] then
      redis.call('PEXPIRE', key, args[2])
    elseif not who then
      redis.call('SET', key, args[1], 'PX', args[2])
    end
    kept[i] = (who == args[1] or not who) and 1 or 0
  end
  return kept
end

-- KEYS as of keep; ARGV worker. Lets go of those that are its own.
local function yield(keys, args)
  for _, key in ipairs(keys) do
    if redis.call('GET', key) == args[1] then redis.call('DEL', key) end
  end
  return #keys
end

-- KEYS changes; ARGV message, channel, changes max, ttl ms. Keeps a change, and tells it together with its id in the stream.
local function change(keys, args)
  local id = redis.call('XADD', keys[1], 'MAXLEN', '~', args[3], '*', 'e', args[1])
  redis.call('PEXPIRE', keys[1], args[4])
  redis.call('PUBLISH', args[2], struct.pack('>I4', #id) .. id .. struct.pack('>I4', #args[1]) .. args[1])
  return id
end

redis.register_function('tm_hold_@V@', hold)
redis.register_function('tm_keep_@V@', keep)
redis.register_function('tm_yield_@V@', yield)
redis.register_function('tm_change_@V@', change)
