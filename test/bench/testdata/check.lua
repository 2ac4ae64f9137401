-- What the gateway checks of a call, for nginx: a resource among many, an ES256 access
-- token whose signature is checked once, its scope, a subscription, and the limits of the
-- minute. It is a peer to be measured against, written to be fast; not to be deployed.
--
-- What it needs lies in a folder: key.pem, which signed the tokens; key.id, its kid;
-- resources, "segment scope calls-a-minute" a line; subscriptions, "key calls-a-minute".

local base64 = require "ngx.base64"
local cjson = require "cjson.safe"
local digest = require "openssl.digest"
local lrucache = require "resty.lrucache"
local pkey = require "openssl.pkey"

local byte, char, find, lower, sub = string.byte, string.char, string.find, string.lower, string.sub
local tokens, subscriptions, counts = ngx.shared.tokens, ngx.shared.subscriptions, ngx.shared.counts

local check = {}
local key, kid, issuer, base
local seen = lrucache.new(10000) -- the tokens that this worker has seen
local resources = {} -- by the first segment of their template, "/segment/{id}"

local function read(path)
   local file = assert(io.open(path))
   local text = file:read("*a")
   file:close()
   return text
end

function check.load(folder, of, under)
   key, kid, issuer, base = pkey.new(read(folder .. "/key.pem")), read(folder .. "/key.id"), of, under
   for line in io.lines(folder .. "/resources") do
      local segment, scope, limit = line:match("^(%S+) (%S+) (%d+)$")
      resources[segment] = { scope = " " .. scope .. " ", limit = tonumber(limit), id = "r:" .. segment .. ":" }
   end
   for line in io.lines(folder .. "/subscriptions") do
      local consumer, limit = line:match("^(%S+) (%d+)$")
      assert(subscriptions:set(consumer, tonumber(limit)))
   end
end

-- integer writes half of a raw signature as an INTEGER of DER.
local function integer(raw)
   local first = 1
   while first < #raw and byte(raw, first) == 0 do
      first = first + 1
   end
   raw = sub(raw, first)
   if byte(raw) >= 128 then
      raw = "\0" .. raw
   end
   return "\2" .. char(#raw) .. raw
end

-- verify returns what an access token says, or nothing: its consumer key and its scopes,
-- "key scope scope ", and in how many seconds it ends.
local function verify(token)
   local one = find(token, ".", 1, true)
   local two = one and find(token, ".", one + 1, true)
   if not two or find(token, ".", two + 1, true) then
      return nil
   end
   local header = cjson.decode(base64.decode_base64url(sub(token, 1, one - 1)) or "")
   local signature = base64.decode_base64url(sub(token, two + 1))
   if type(header) ~= "table" or header.alg ~= "ES256" or header.kid ~= kid or not signature or #signature ~= 64 then
      return nil
   end
   local values = integer(sub(signature, 1, 32)) .. integer(sub(signature, 33))
   local hash = digest.new("sha256"):update(sub(token, 1, two - 1))
   if not key:verify("\48" .. char(#values) .. values, hash) then
      return nil
   end
   local claims = cjson.decode(base64.decode_base64url(sub(token, one + 1, two - 1)) or "")
   local now = ngx.time()
   if type(claims) ~= "table" or claims.iss ~= issuer or claims.nbf > now or claims.exp <= now then
      return nil
   end
   return claims.client_id .. " " .. claims.scope .. " ", claims.exp - now
end

-- known returns what an access token says: from what this worker has seen, or any of them
-- has, or by its signature. What has ended is no longer there.
local function known(token)
   local says, lasts = seen:get(token), nil
   if says then
      return says
   end
   says = tokens:get(token)
   if says then
      lasts = tokens:ttl(token)
   else
      says, lasts = verify(token)
      if not says then
         return nil
      end
      tokens:set(token, says, lasts)
   end
   seen:set(token, says, lasts)
   return says
end

local function refuse(status, challenge)
   ngx.header["WWW-Authenticate"] = challenge
   return ngx.exit(status)
end

-- count counts a call of the running minute and returns how many are left.
local function count(id, limit, minute)
   return limit - counts:incr(id .. minute, 1, 0, 120)
end

function check.access()
   local uri = ngx.var.uri
   local slash = find(uri, "/", #base + 2, true)
   local resource = slash and not find(uri, "/", slash + 1, true) and resources[sub(uri, #base + 2, slash - 1)]
   if not resource then
      return ngx.exit(404)
   end
   local authorization = ngx.var.http_authorization
   if not authorization or lower(sub(authorization, 1, 7)) ~= "bearer " then
      return refuse(401, "Bearer")
   end
   local says = known(sub(authorization, 8))
   if not says then
      return refuse(401, 'Bearer error="invalid_token"')
   end
   local consumer = sub(says, 1, find(says, " ", 1, true) - 1)
   local limit = subscriptions:get(consumer)
   if not limit then
      return ngx.exit(403)
   end
   if not find(says, resource.scope, #consumer + 1, true) then
      return refuse(403, 'Bearer error="insufficient_scope"')
   end
   local now = ngx.time()
   local minute = (now - now % 60) / 60
   local left = count(resource.id, resource.limit, minute)
   local remaining = count(consumer, limit, minute)
   if left < 0 or remaining < 0 then
      return ngx.exit(429)
   end
   if left < remaining then
      limit, remaining = resource.limit, left
   end
   ngx.header["RateLimit-Limit"] = limit
   ngx.header["RateLimit-Remaining"] = remaining
   ngx.header["RateLimit-Reset"] = 60 - now % 60
end

return check
