-- The authorization server's side: what must happen at once when a code is redeemed, a refresh token renewed, a grant ended,
-- a password tried, a client registered. A grant is the hash `family`: it is made once, by `decide`, and never again, so that
-- nothing brings back what was ended meanwhile.

local function now_ms()
  return math.floor(now_us() / 1000)
end

local function finish_grant(family, channel, name)
  if redis.call('DEL', family) == 1 then redis.call('PUBLISH', channel, name) end
end

-- KEYS request that waits, the same as decided, and if it was allowed: family, code; ARGV record of the decision, ms that it is
-- kept, family record, family ms, code record, code ms
-- A person has decided, once: whoever comes second finds what was decided. Allowed, the grant begins to live, with a code.
local function decide(keys, args)
  if keys[3] and redis.call('EXISTS', keys[3]) == 1 then return 0 end
  if redis.call('DEL', keys[1]) == 0 then return 0 end
  redis.call('SET', keys[2], args[1], 'PX', args[2])
  if keys[3] then
    redis.call('HSET', keys[3], 'r', args[3], 'n', 0, 'at', now_ms())
    redis.call('PEXPIRE', keys[3], args[4])
    redis.call('SET', keys[4], args[5], 'PX', args[6])
  end
  return 1
end

-- KEYS code, mark that it is spent, family, access token; ARGV family record, family ms, access record, access ms, mark ms,
-- channel, name of the family
-- Gives ok; spent, which ends the grant; ended; or unknown.
local function redeem(keys, args)
  if redis.call('DEL', keys[1]) == 0 then
    if redis.call('EXISTS', keys[2]) == 0 then return 'unknown' end
    finish_grant(keys[3], args[6], args[7])
    return 'spent'
  end
  redis.call('SET', keys[2], '1', 'PX', args[5])
  if redis.call('EXISTS', keys[3]) == 0 then return 'ended' end
  redis.call('HSET', keys[3], 'r', args[1])
  redis.call('PEXPIRE', keys[3], args[2])
  redis.call('SET', keys[4], args[3], 'PX', args[4])
  return 'ok'
end

-- KEYS family, access token; ARGV generation of the refresh token that was brought (its holder is known by then), family record
-- with its successor, family ms, access record, access ms, grace ms, channel, name of the family, digest of the successor
-- The token before the current one gives the same successor for a while, as long as that was not used. Gives ok; reuse, which
-- ends the grant; or ended.
local function renew_grant(keys, args)
  local current = redis.call('HGET', keys[1], 'n')
  if not current then return 'ended' end
  local brought, now = tonumber(args[1]), now_ms()
  current = tonumber(current)
  if brought == current then
    redis.call('HSET', keys[1], 'r', args[2], 'n', current + 1, 'at', now, 'd', args[9])
    redis.call('PEXPIRE', keys[1], args[3])
  elseif brought ~= current - 1 or now - tonumber(redis.call('HGET', keys[1], 'at')) > tonumber(args[6]) then
    finish_grant(keys[1], args[7], args[8])
    return 'reuse'
  elseif redis.call('HGET', keys[1], 'd') ~= args[9] then
    return 'ended'  -- two edges that sign with different keys just now: what this one would give out is not what is kept
  end
  redis.call('SET', keys[2], args[4], 'PX', args[5])
  return 'ok'
end

-- KEYS family; ARGV channel, name of the family
local function end_grant(keys, args)
  finish_grant(keys[1], args[1], args[2])
  return 1
end

-- KEYS counters; ARGV window ms, then for each counter how many it may reach (0: any number)
-- Counts one try beforehand, so that many at once are no way around it. Gives 0, or after how many ms to come again.
local function try(keys, args)
  local wait = 0
  for i, key in ipairs(keys) do
    local limit = tonumber(args[1 + i])
    if limit > 0 and tonumber(redis.call('GET', key) or 0) >= limit then
      wait = math.max(wait, redis.call('PTTL', key), 1)
    end
  end
  if wait > 0 then return wait end
  for _, key in ipairs(keys) do
    if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, args[1]) end
  end
  return 0
end

-- KEYS counters; ARGV how many of them, from the first, are forgotten; of the others one try is taken back: it was no failure.
local function forgive(keys, args)
  for i, key in ipairs(keys) do
    if i <= tonumber(args[1]) then
      redis.call('DEL', key)
    elseif tonumber(redis.call('GET', key) or 0) > 0 then
      redis.call('DECR', key)
    end
  end
  return 1
end

-- KEYS client, clients; ARGV record, ms until it is forgotten, most clients, client id
-- Gives 1, or 0 where there are as many as there may be.
local function register(keys, args)
  local now = now_ms()
  redis.call('ZREMRANGEBYSCORE', keys[2], '-inf', now)
  if redis.call('ZCARD', keys[2]) >= tonumber(args[3]) then return 0 end
  redis.call('SET', keys[1], args[1], 'PX', args[2])
  redis.call('ZADD', keys[2], now + tonumber(args[2]), args[4])
  return 1
end

-- KEYS client, clients; ARGV ms until it is forgotten, client id. It is in use: it lives on.
local function keep_client(keys, args)
  if redis.call('PEXPIRE', keys[1], args[1]) == 0 then return 0 end
  redis.call('ZADD', keys[2], now_ms() + tonumber(args[1]), args[2])
  return 1
end

redis.register_function('tm_decide_@V@', decide)
redis.register_function('tm_redeem_@V@', redeem)
redis.register_function('tm_renew_grant_@V@', renew_grant)
redis.register_function('tm_end_grant_@V@', end_grant)
redis.register_function('tm_try_@V@', try)
redis.register_function('tm_forgive_@V@', forgive)
redis.register_function('tm_register_@V@', register)
redis.register_function('tm_keep_client_@V@', keep_client)
